//! The keys the deployment signs tokens with: made here, sealed in rows, published as facts, and
//! rotated with an overlap in which both are believed.

mod config;
mod store;

use std::sync::{Arc, RwLock};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use writ_access::jwt::{Algorithm, InvalidKey, SigningKey};
use writ_contract::wire;
use writ_pg::NewEvent;
use writ_seal::{Sealed, Sealer};

pub use config::SigningConfig;

use crate::error::Error;
use crate::write::{About, Actor, Writes};

/// The organisation of what belongs to none.
const DEPLOYMENT: Uuid = Uuid::nil();

/// The signing keys, and the one in use.
#[derive(Debug, Clone)]
pub struct Signing {
    writes: Writes,
    sealer: Sealer,
    config: SigningConfig,
    current: Arc<RwLock<Option<Arc<SigningKey>>>>,
}

/// A signing key's row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    kid: String,
    algorithm: String,
    /// The public half.
    jwk: String,
    /// The private half.
    sealed: Sealed,
    made_at: DateTime<Utc>,
    /// Set when another took its place.
    believed_until: Option<DateTime<Utc>>,
    version: u64,
}

impl Signing {
    /// Nothing can be signed before [`Signing::keep`] ran.
    #[must_use]
    pub fn new(writes: Writes, sealer: Sealer, config: SigningConfig) -> Self {
        Self {
            writes,
            sealer,
            config,
            current: Arc::default(),
        }
    }

    /// Who tokens say they are from.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// The key to sign with.
    ///
    /// # Errors
    /// [`Error::CatchingUp`] before the first one was made or opened.
    pub fn current(&self) -> Result<Arc<SigningKey>, Error> {
        let current = self.current.read().ok().and_then(|key| key.clone());
        current.ok_or(Error::CatchingUp)
    }

    /// Makes the key that is missing or due, and takes over the one in use. Several replicas may do
    /// so at once.
    ///
    /// # Errors
    /// The store's trouble, or a key that cannot be opened.
    pub async fn keep(&self) -> Result<(), Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.begin(DEPLOYMENT).await?;
        store::alone(&mut tx).await?;
        let rows = store::in_use(&mut tx).await?;
        let wanted = self.wanted()?;
        let fit = |row: &&Stored| self.fits(row, wanted.as_ref(), now);
        if let Some(row) = rows.iter().find(fit) {
            let (kid, key) = (row.kid.clone(), self.open(row)?);
            self.take(&kid, key);
            return Ok(());
        }
        let (made, row) = self.make(wanted, now)?;
        store::insert(&mut tx, &row).await?;
        let mut events = vec![self.event(&row, "made")];
        let overlap = chrono::Duration::from_std(self.config.overlap.get());
        let until = now + overlap.unwrap_or_default();
        for former in rows {
            let former = Stored {
                believed_until: Some(until),
                version: former.version + 1,
                ..former
            };
            store::supersede(&mut tx, &former).await?;
            events.push(self.event(&former, "superseded"));
        }
        self.writes.store(tx, &events).await?;
        // The former one signs until the next look: by then everybody has read the new one.
        if self.current().is_err() {
            self.take(&row.kid, made);
        }
        Ok(())
    }

    /// The configured RSA key, when that is what tokens are signed with.
    fn wanted(&self) -> Result<Option<SigningKey>, Error> {
        match self.config.algorithm() {
            Some(Algorithm::Rs256) => Ok(Some(self.config.rsa().map_err(bug)?)),
            _ => Ok(None),
        }
    }

    fn fits(&self, row: &Stored, wanted: Option<&SigningKey>, now: DateTime<Utc>) -> bool {
        let oldest = chrono::Duration::from_std(self.config.rotate_every.get());
        let oldest = oldest.ok().and_then(|age| now.checked_sub_signed(age));
        let asked_for = self.config.made_after();
        match wanted {
            Some(wanted) => row.kid == wanted.kid(),
            None => {
                row.algorithm == Algorithm::EdDsa.as_str()
                    && oldest.is_none_or(|oldest| row.made_at > oldest)
                    && asked_for.is_none_or(|moment| row.made_at > moment)
            }
        }
    }

    fn make(
        &self,
        wanted: Option<SigningKey>,
        now: DateTime<Utc>,
    ) -> Result<(SigningKey, Stored), Error> {
        let (key, private) = match wanted {
            Some(key) => (key, self.config.rsa_key.expose().to_owned()),
            None => {
                let seed: [u8; 32] = random()?;
                (SigningKey::ed25519(&seed).map_err(bug)?, hex::encode(seed))
            }
        };
        let sealed = self.sealer.seal(&private, &place(key.kid()), random()?);
        let row = Stored {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm().as_str().to_owned(),
            jwk: key.jwk().to_string(),
            sealed: sealed.map_err(|error| Error::Bug(error.to_string()))?,
            made_at: now,
            believed_until: None,
            version: 1,
        };
        Ok((key, row))
    }

    fn open(&self, row: &Stored) -> Result<SigningKey, Error> {
        let private = self.sealer.open(&row.sealed, &place(&row.kid));
        let private = private.map_err(|error| Error::Bug(format!("signing key: {error}")))?;
        config::read(&private, &row.algorithm).map_err(bug)
    }

    fn take(&self, kid: &str, key: SigningKey) {
        if let Ok(mut current) = self.current.write()
            && current.as_ref().is_none_or(|current| current.kid() != kid)
        {
            *current = Some(Arc::new(key));
        }
    }

    fn event(&self, row: &Stored, verb: &str) -> NewEvent {
        let action = if verb == "made" { "make" } else { "supersede" };
        let about = About {
            id: &row.kid,
            version: row.version,
            verb,
            action: &format!("signing_key.{action}"),
            reason_code: "",
        };
        let fact = wire::SigningKey {
            kid: row.kid.clone(),
            algorithm: row.algorithm.clone(),
            jwk: row.jwk.clone(),
            believed_until_us: row.believed_until.map(|at| at.timestamp_micros()),
        };
        self.writes.event(&Actor::system(DEPLOYMENT), about, &fact)
    }
}

fn place(kid: &str) -> Vec<u8> {
    format!("signing:{kid}").into_bytes()
}

fn bug(_: InvalidKey) -> Error {
    Error::Bug("a signing key cannot be used".to_owned())
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Bug(format!("no random bytes: {error}")))?;
    Ok(bytes)
}
