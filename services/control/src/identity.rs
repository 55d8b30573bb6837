//! Organisations, their members, and their keys.

mod key;
mod member;
mod organization;
mod seed;
mod store;

use uuid::Uuid;
use writ_access::{Caller, Pepper};
use writ_contract::{KeyId, OrgId};
use writ_pg::TenantTx;

pub use key::{Issue, Key, KeyChange};
pub use member::{Add, Change, Member, SignIn};
pub use organization::{Limits, Organization, Settings, Switches};
pub use seed::{Seed, SeedKey, SeedOrganization};

use crate::error::{Error, Refusal};
use crate::write::{About, Actor, Writes};

/// The organisations, members and keys.
#[derive(Debug, Clone)]
pub struct Identity {
    writes: Writes,
    pepper: Pepper,
    bcrypt_cost: u32,
}

impl Identity {
    /// Over what modules write with. Keys are recognised under `pepper`.
    #[must_use]
    pub fn new(writes: Writes, pepper: Pepper, bcrypt_cost: u32) -> Self {
        Self {
            writes,
            pepper,
            bcrypt_cost,
        }
    }

    /// Issues a key. Its text is returned here and can never be read again: the same request sent
    /// again finds the key without it.
    ///
    /// # Errors
    /// [`crate::Refusal::Invalid`], [`crate::Refusal::RoleTooHigh`], for a new person as for
    /// [`Identity::add_member`], or the store's trouble.
    pub async fn issue(
        &self,
        caller: &Caller,
        actor: &Actor,
        command: &Issue,
    ) -> Result<(Key, Option<String>), Error> {
        let facts = key::Facts {
            key_id: self.writes.new_id(),
            new_person: self.writes.new_id(),
            random: random()?,
            salt: random()?,
            now: self.writes.clock().now(),
        };
        let text = command.key_text(&facts)?;
        let hash = self.hash(&text, facts.salt).await?;
        let (key, newcomer) = key::issue(caller, command, &facts, &text, hash, &self.pepper)?;
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, key.id).await? {
            return Ok((store::lock_key(&mut tx, earlier).await?, None));
        }
        let mut events = Vec::new();
        if let Some(newcomer) = &newcomer {
            events.push(self.enter(&mut tx, actor, newcomer).await?);
        } else {
            self.may_hold(&mut tx, &key).await?;
        }
        store::insert_key(&mut tx, &key).await?;
        events.push(self.key_event(actor, &key, "issued", "key.issue"));
        self.writes.commit(tx, &events).await?;
        Ok((key, Some(text)))
    }

    /// Revokes a key; from then on it is refused. `leaked` says that somebody else got hold of it,
    /// which can also be said later.
    ///
    /// # Errors
    /// [`crate::Refusal::KeyNotFound`], [`crate::Refusal::RoleTooHigh`], or the store's trouble.
    pub async fn revoke(
        &self,
        caller: &Caller,
        actor: &Actor,
        id: Uuid,
        leaked: bool,
    ) -> Result<Key, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let repeated = actor.repeats(&mut tx, id).await?.is_some();
        let found = store::lock_key(&mut tx, id).await?;
        if repeated {
            return Ok(found);
        }
        let Some(revoked) = found.revoked(caller, leaked, self.writes.clock().now())? else {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        };
        store::update_key(&mut tx, &revoked).await?;
        let event = self.key_event(actor, &revoked, "revoked", "key.revoke");
        self.writes.commit(tx, &[event]).await?;
        Ok(revoked)
    }

    /// Changes what a key is called and where it may be used; `if_match` is the version the caller
    /// has seen.
    ///
    /// # Errors
    /// [`crate::Refusal::KeyNotFound`], [`crate::Refusal::RoleTooHigh`],
    /// [`crate::Refusal::VersionMismatch`], [`crate::Refusal::Invalid`] with every wrong field or
    /// for a revoked key, or the store's trouble.
    pub async fn change_key(
        &self,
        caller: &Caller,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        change: &KeyChange,
    ) -> Result<Key, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let repeated = actor.repeats(&mut tx, id).await?.is_some();
        let found = store::lock_key(&mut tx, id).await?;
        if repeated {
            return Ok(found);
        }
        let changed = found.changed(caller, change, if_match)?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        store::update_key(&mut tx, &changed).await?;
        let event = self.key_event(actor, &changed, "updated", "key.update");
        self.writes.commit(tx, &[event]).await?;
        Ok(changed)
    }

    /// A key.
    ///
    /// # Errors
    /// [`crate::Refusal::KeyNotFound`], or the store's trouble.
    pub async fn key(&self, org: Uuid, id: Uuid) -> Result<Key, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::key(&mut tx, id).await
    }

    /// A page of keys in the order of their ids, and the id after which more follow.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn keys(
        &self,
        org: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Key>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        store::keys(&mut tx, after, limit).await
    }

    /// The organisation.
    ///
    /// # Errors
    /// [`crate::Refusal::OrganizationNotFound`], or the store's trouble.
    pub async fn organization(&self, org: Uuid) -> Result<Organization, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::organization(&mut tx).await
    }

    /// Which of these ids of people are nobody's here.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn strangers(&self, org: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::strangers(&mut tx, ids).await?)
    }

    /// Changes the organisation's settings; `if_match` is the version the caller has seen.
    ///
    /// # Errors
    /// [`crate::Refusal`], or the store's trouble.
    pub async fn settings(
        &self,
        actor: &Actor,
        if_match: Option<u64>,
        settings: &Settings,
    ) -> Result<Organization, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let repeated = actor.repeats(&mut tx, actor.org).await?.is_some();
        let found = store::lock_organization(&mut tx).await?;
        if repeated {
            return Ok(found);
        }
        let changed = found.with(settings, if_match)?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        store::update_organization(&mut tx, &changed).await?;
        let id = OrgId(changed.id).to_string();
        let about = About {
            id: &id,
            version: changed.version,
            verb: "updated",
            action: "organization.update",
            reason_code: "",
        };
        let event = self.writes.event(actor, about, &changed.fact());
        self.writes.commit(tx, &[event]).await?;
        Ok(changed)
    }

    /// A key's holder is a member, whose role it does not exceed.
    async fn may_hold(&self, tx: &mut TenantTx, key: &Key) -> Result<(), Error> {
        let holder = match member::store::lock(tx, key.person).await {
            Err(Error::Refused(Refusal::MemberNotFound)) => {
                return Err(Refusal::field("person", "nobody in this organization").into());
            }
            found => found?,
        };
        if key.role > holder.role {
            let problem = format!("above the role of its holder, {}", holder.role);
            return Err(Refusal::field("role", &problem).into());
        }
        Ok(())
    }

    fn key_event(&self, actor: &Actor, key: &Key, verb: &str, action: &str) -> writ_pg::NewEvent {
        let id = KeyId(key.id).to_string();
        let about = About {
            id: &id,
            version: key.version,
            verb,
            action,
            reason_code: if key.leaked { "KEY_LEAKED" } else { "" },
        };
        self.writes.event(actor, about, &key.fact())
    }

    /// bcrypt takes tens of milliseconds of a core, so it runs beside the requests.
    async fn hash(&self, text: &str, salt: [u8; 16]) -> Result<String, Error> {
        let (text, cost) = (text.to_owned(), self.bcrypt_cost);
        tokio::task::spawn_blocking(move || key::hash(&text, cost, salt))
            .await
            .map_err(|error| Error::Bug(error.to_string()))?
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Bug(format!("no randomness: {error}")))?;
    Ok(bytes)
}
