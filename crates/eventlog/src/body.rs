//! Bodies that facts refer to: a held action's context, evidence. They go first, the fact after.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use writ_contract::digest::OrgDigestKey;
use writ_contract::{BodyId, OrgId, Shard, Stream, wire};

use crate::log::EventLog;
use crate::publish::PublishError;

/// A body that was read back and is the one the fact speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBody {
    /// `application/json` or `text/plain`.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Why a body could not be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The stream does not answer; try again.
    #[error("bodies cannot be read: {0}")]
    Unavailable(String),
    /// It has aged out, or is not the one the fact speaks of.
    #[error("the body is gone or is another one")]
    Gone,
}

impl EventLog {
    /// Stores a body and returns the reference a fact carries. Returned = stored.
    ///
    /// # Errors
    /// [`PublishError`] when it is not known to be stored within `within`.
    pub async fn put_body(
        &self,
        org: OrgId,
        id: BodyId,
        key: &OrgDigestKey,
        body: StoredBody,
        within: Duration,
    ) -> Result<wire::BodyRef, PublishError> {
        let shard = Shard::of(org);
        let subject = self.topology.body(shard);
        let digest = key.digest(&body.content).to_vec();
        let length = body.content.len() as u64;
        let message = wire::Body {
            org_id: org.to_bytes(),
            body_id: id.to_bytes(),
            media_type: body.media_type,
            content: body.content,
        };
        let payload = Bytes::from(message.encode_to_vec());
        let headers = self.headers(&subject, "body.stored.v1", &id.to_string(), &payload, None);
        let stored = self
            .publish_until(&subject, headers, payload, within)
            .await?;
        Ok(wire::BodyRef {
            body_id: id.to_bytes(),
            shard: u32::from(shard.number()),
            stream_seq: stored.sequence,
            digest,
            length,
        })
    }

    /// Reads back the body a fact refers to and checks that it is the one.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn get_body(
        &self,
        reference: &wire::BodyRef,
        key: &OrgDigestKey,
    ) -> Result<StoredBody, BodyError> {
        let unavailable = |why: String| BodyError::Unavailable(why);
        let stream = self
            .stream(Stream::InBody)
            .await
            .map_err(|e| unavailable(e.to_string()))?;
        let message = match stream.get_raw_message(reference.stream_seq).await {
            Ok(message) => message,
            Err(e)
                if e.kind()
                    == async_nats::jetstream::stream::RawMessageErrorKind::NoMessageFound =>
            {
                return Err(BodyError::Gone);
            }
            Err(e) => return Err(unavailable(e.to_string())),
        };
        let body = wire::Body::decode(message.payload).map_err(|_| BodyError::Gone)?;
        let same = body.body_id == reference.body_id
            && key.digest(&body.content).as_slice() == reference.digest.as_slice();
        if !same {
            return Err(BodyError::Gone);
        }
        Ok(StoredBody {
            media_type: body.media_type,
            content: body.content,
        })
    }
}
