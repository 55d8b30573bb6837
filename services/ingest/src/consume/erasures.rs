//! Erasures that control has begun → rows without what they held of the subject.

use writ_contract::Service;
use writ_contract::digest::DigestKey;
use writ_contract::topology::DURABLES;
use writ_contract::{Envelope, PrivacyRequestId, Stream, Unreadable, wire};
use writ_eventlog::{Content, EventLog, ReaderError, SinkError, Start};
use writ_service_kit::Clock;

use crate::publish::publish_erased;
use crate::store::Store;

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupted {
    /// The log's trouble.
    #[error(transparent)]
    Read(#[from] ReaderError),
    /// The store's.
    #[error(transparent)]
    Store(#[from] clickhouse::error::Error),
    /// The sinks' progress is not known.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The log does not take what was done.
    #[error(transparent)]
    Publish(#[from] writ_eventlog::PublishError),
}

/// Carries erasures out until something goes wrong. Those that control still waits for are carried
/// out again at each start: that changes nothing.
pub(crate) async fn run(
    log: &EventLog,
    store: &Store,
    clock: &dyn Clock,
    key: &DigestKey,
) -> Result<(), Interrupted> {
    let filters = vec![log.topology().facts::<wire::PrivacyRequest>()];
    let mut reader = log
        .read(Stream::Control, filters, Start::LastPerSubject)
        .await?;
    loop {
        let delivered = reader.next().await?;
        let Content::Fact(envelope) = &delivered.content else {
            continue;
        };
        match begun(envelope) {
            Ok(Some(Begun { request, digests })) => {
                let org = envelope.org;
                arrived(log).await?;
                let erased = store.erase(org, &key.for_org(org), &digests).await?;
                tracing::info!(%org, %request, ?erased, "erasure carried out");
                publish_erased(log, clock, envelope, request, erased).await?;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "an erasure is not readable: control goes on waiting for it");
            }
        }
    }
}

/// Returns once all that was taken before this is in the tables: what is still on its way would be
/// written after the erasure, and a message that is delivered again would undo it.
async fn arrived(log: &EventLog) -> Result<(), SinkError> {
    let own = DURABLES.iter().filter(|it| it.service == Service::Ingest);
    for durable in own {
        log.handled(*durable).await?;
    }
    Ok(())
}

/// An erasure that is to be carried out.
struct Begun {
    request: PrivacyRequestId,
    digests: Vec<Vec<u8>>,
}

fn begun(envelope: &Envelope) -> Result<Option<Begun>, Unreadable> {
    let fact: wire::PrivacyRequest = envelope.open()?;
    if fact.state != "erasing" {
        return Ok(None);
    }
    let malformed = |_| Unreadable::Malformed("request_id of an erasure".to_owned());
    Ok(Some(Begun {
        request: PrivacyRequestId::from_bytes(&fact.request_id).map_err(malformed)?,
        digests: fact.subject_digests,
    }))
}
