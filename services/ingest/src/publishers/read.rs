//! A publisher's message as JSON text: JSON as it is, Protobuf translated.
//!
//! A `Content-Type` header decides: `application/json`, or anything that names Protobuf. Without
//! one, a message whose first byte that is no white space is `{` or `[` is JSON, another one is
//! Protobuf: an encoded `writ.v1.IngestTracesRequest` begins with the byte 0x0A and a length.

use std::borrow::Cow;

use async_nats::HeaderMap;
use prost::Message as _;

use crate::domain::NotTraces;
use crate::error::Error;
use crate::wire;

/// The JSON text of a message.
pub(super) fn json<'a>(
    headers: Option<&HeaderMap>,
    payload: &'a [u8],
) -> Result<Cow<'a, [u8]>, Error> {
    if !is_protobuf(headers, payload) {
        return Ok(Cow::Borrowed(payload));
    }
    let request = wire::IngestTracesRequest::decode(payload)
        .map_err(|error| NotTraces::Malformed(format!("no JSON and no Protobuf: {error}")))?;
    Ok(Cow::Owned(request.to_json().into_bytes()))
}

fn is_protobuf(headers: Option<&HeaderMap>, payload: &[u8]) -> bool {
    let named = headers
        .and_then(|h| h.get("Content-Type"))
        .map(|value| value.as_str());
    match named {
        Some(named) if named.contains("json") => false,
        Some(named) if named.contains("protobuf") => true,
        Some(_) | None => !matches!(
            payload.iter().find(|byte| !byte.is_ascii_whitespace()),
            Some(b'{' | b'[') | None
        ),
    }
}
