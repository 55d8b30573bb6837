//! The key feed: every API key and member of every organisation, in memory, as `control` states them. No
//! request waits for a table or for bcrypt.

mod issuers;
mod members;
mod signing;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_access::agent_token::SigningKeys;
use writ_access::issuer::IssuerRecord;
use writ_access::jwt::VerifyingKey;
use writ_access::{KeyLookup, KeyRecord, Membership, Role};
use writ_contract::{Envelope, Fact, Stream, wire};

use crate::log::EventLog;
use crate::reader::{Content, Delivered, ReaderError, Start};
use issuers::Issuers;
use members::Members;
use signing::Signing;

const CATCH_UP: Duration = Duration::from_millis(500);

/// Keys by public id, kept up to date by [`KeyFeed::run`].
pub struct KeyFeed {
    log: EventLog,
    keys: RwLock<Keys>,
    members: RwLock<Members>,
    issuers: RwLock<Issuers>,
    signing: RwLock<Signing>,
    applied: watch::Sender<u64>,
    caught_up: watch::Sender<bool>,
    /// When the last catch-up that ended had begun.
    catching_up: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Keys {
    known: HashMap<String, (u64, Arc<KeyRecord>)>,
    /// Organisations with a fact of a key or a member that cannot be read, which may take something
    /// away: none of their keys is believed.
    held: HashSet<Uuid>,
}

impl KeyFeed {
    /// An empty feed; nothing is read before [`KeyFeed::run`].
    #[must_use]
    pub fn new(log: EventLog) -> Arc<Self> {
        Arc::new(Self {
            log,
            keys: RwLock::default(),
            members: RwLock::default(),
            issuers: RwLock::default(),
            signing: RwLock::default(),
            applied: watch::Sender::new(0),
            caught_up: watch::Sender::new(false),
            catching_up: Mutex::default(),
        })
    }

    /// Follows the keys until `cancel`. Trouble with the broker stops it in place; it resumes.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                error = self.follow() => {
                    tracing::warn!(%error, "key feed interrupted");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Returns once every key that existed when the feed started has been read.
    pub async fn ready(&self) {
        let mut caught_up = self.caught_up.subscribe();
        // The sender lives as long as `self`.
        drop(caught_up.wait_for(|ready| *ready).await);
    }

    async fn follow(&self) -> ReaderError {
        let filters = vec![
            self.log.topology.facts::<wire::ApiKey>(),
            self.log.topology.facts::<wire::Member>(),
            self.log.topology.facts::<wire::Issuer>(),
            self.log.topology.facts::<wire::SigningKey>(),
        ];
        let mut reader = match self
            .log
            .read(Stream::Control, filters, Start::LastPerSubject)
            .await
        {
            Ok(reader) => reader,
            Err(error) => return error,
        };
        loop {
            let reached = reader.behind() == 0;
            self.caught_up
                .send_if_modified(|now| reached && !std::mem::replace(now, true));
            match reader.advance().await {
                Ok(Some(delivered)) => self.apply(&delivered),
                Ok(None) => {}
                Err(error) => return error,
            }
        }
    }

    fn apply(&self, delivered: &Delivered) {
        if let Content::Fact(envelope) = &delivered.content {
            match envelope.kind.aggregate() {
                wire::SigningKey::AGGREGATE => self.put_signing(envelope),
                wire::Member::AGGREGATE => self.put_member(envelope),
                wire::Issuer::AGGREGATE => self.put_issuer(envelope),
                _ => self.apply_key(envelope),
            }
        }
        self.applied.send_if_modified(|now| {
            let newer = delivered.sequence > *now;
            *now = delivered.sequence.max(*now);
            newer
        });
    }

    fn apply_key(&self, envelope: &Envelope) {
        let record = envelope.open::<wire::ApiKey>().ok();
        match record.and_then(|key| record_of(envelope.org.0, &key)) {
            Some(record) => self.put(envelope.version, record),
            None => self.hold(envelope.org.0),
        }
    }

    /// A member that cannot be read may have been removed.
    fn put_member(&self, envelope: &Envelope) {
        let Ok(mut members) = self.members.write() else {
            return;
        };
        if members.apply(envelope).is_none() {
            self.hold(envelope.org.0);
        }
    }

    /// Of an issuer that cannot be read no token is believed.
    fn put_issuer(&self, envelope: &Envelope) {
        if let Ok(mut issuers) = self.issuers.write()
            && issuers.apply(envelope).is_none()
        {
            tracing::error!(issuer = envelope.aggregate_id, "unreadable issuer");
        }
    }

    /// The identity provider of an organisation with this `iss`.
    #[must_use]
    pub fn issuer_of(&self, org: Uuid, issuer: &str) -> Option<Arc<IssuerRecord>> {
        self.issuers.read().ok()?.of_organisation(org, issuer)
    }

    /// A key that cannot be read signs nothing that is believed.
    fn put_signing(&self, envelope: &Envelope) {
        if let Ok(mut signing) = self.signing.write()
            && let Err(error) = signing.apply(envelope)
        {
            tracing::error!(%error, key = envelope.aggregate_id, "unreadable signing key");
        }
    }

    /// The public keys of the deployment's tokens, as JSON Web Keys.
    #[must_use]
    pub fn signing_keys(&self, now_ms: i64) -> Vec<String> {
        self.signing
            .read()
            .map_or(Vec::new(), |signing| signing.published(now_ms))
    }

    fn put(&self, version: u64, record: KeyRecord) {
        let Ok(mut keys) = self.keys.write() else {
            return;
        };
        let known = keys.known.get(&record.public_id);
        if version > known.map_or(0, |(version, _)| *version) {
            let id = record.public_id.clone();
            keys.known.insert(id, (version, Arc::new(record)));
        }
    }

    fn hold(&self, org: Uuid) {
        tracing::error!(%org, "organisation held: unreadable fact of a key or member");
        if let Ok(mut keys) = self.keys.write() {
            keys.held.insert(org);
        }
    }
}

impl SigningKeys for KeyFeed {
    fn signing_key(&self, kid: &str, now_ms: i64) -> Option<Arc<VerifyingKey>> {
        self.signing.read().ok()?.get(kid, now_ms)
    }
}

#[async_trait]
impl KeyLookup for KeyFeed {
    fn get(&self, public_id: &str) -> Option<Arc<KeyRecord>> {
        let keys = self.keys.read().ok()?;
        let (_, record) = keys.known.get(public_id)?;
        (!keys.held.contains(&record.org_id)).then(|| record.clone())
    }

    fn membership(&self, org_id: Uuid, person: &str) -> Option<Membership> {
        self.members.read().ok()?.get(org_id, person)
    }

    fn issuers(&self, issuer: &str) -> Vec<Arc<IssuerRecord>> {
        self.issuers
            .read()
            .map_or(Vec::new(), |issuers| issuers.of(issuer))
    }

    /// Nobody in an organisation that is held.
    fn member_by(&self, org_id: Uuid, code: &[u8; 32]) -> Option<(String, Membership)> {
        if self.keys.read().ok()?.held.contains(&org_id) {
            return None;
        }
        self.members.read().ok()?.by_code(org_id, code)
    }

    async fn catch_up(&self) {
        let asked = Instant::now();
        let mut last = self.catching_up.lock().await;
        // Somebody else's catch-up that began after this call has answered it.
        if last.is_some_and(|began| began >= asked) {
            return;
        }
        let began = Instant::now();
        if tokio::time::timeout(CATCH_UP, self.reach_the_end())
            .await
            .is_err()
        {
            tracing::warn!("key feed could not catch up in time");
        }
        *last = Some(began);
    }
}

impl KeyFeed {
    async fn reach_the_end(&self) -> Option<()> {
        let stream = self.log.stream(Stream::Control).await.ok()?;
        let subject = self.log.topology.facts::<wire::ApiKey>();
        let last = stream
            .get_last_raw_message_by_subject(&subject)
            .await
            .ok()?;
        let mut applied = self.applied.subscribe();
        applied
            .wait_for(|seq| *seq >= last.sequence)
            .await
            .ok()
            .map(drop)
    }
}

impl fmt::Debug for KeyFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.read().map_or(0, |keys| keys.known.len());
        f.debug_struct("KeyFeed")
            .field("keys", &keys)
            .finish_non_exhaustive()
    }
}

/// A key fact as `access` judges it; `None` when a part of it is not what it should be.
fn record_of(org_id: Uuid, key: &wire::ApiKey) -> Option<KeyRecord> {
    debug_assert_eq!(wire::ApiKey::AGGREGATE, "key");
    Some(KeyRecord {
        key_id: Uuid::from_slice(&key.key_id).ok()?,
        org_id,
        person: (!key.person.is_empty()).then(|| key.person.clone()),
        public_id: key.public_id.clone(),
        mac: key.mac.as_slice().try_into().ok()?,
        role: key.role.parse::<Role>().ok()?,
        test: key.test,
        expires_at_ms: key.expires_at_us.map(|us| us / 1000),
        revoked: key.revoked,
        cidrs: key
            .cidrs
            .iter()
            .map(|c| c.parse().ok())
            .collect::<Option<_>>()?,
        environments: key.environments.clone(),
        signature_required: key.signature_required,
    })
}
