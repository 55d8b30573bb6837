//! Who comes, who changes and who leaves. Changes of one organisation's members go one after the
//! other, so the plan's limit and the last Owner are counted right.

use uuid::Uuid;
use writ_access::Caller;
use writ_contract::PersonId;
use writ_pg::{NewEvent, TenantTx};

use super::{Add, Change, Member, store};
use crate::error::{Error, Refusal};
use crate::identity::{Identity, store as rows};
use crate::write::{About, Actor};

impl Identity {
    /// Adds a member; the flag says whether the request is not a repeat.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::RoleTooHigh`], [`Refusal::MemberExists`],
    /// [`Refusal::PlanLimit`], or the store's trouble.
    pub async fn add_member(
        &self,
        caller: &Caller,
        actor: &Actor,
        add: &Add,
    ) -> Result<(Member, bool), Error> {
        let now = self.writes.clock().now();
        let member = add.member(caller, self.writes.new_id(), now)?;
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, member.id).await? {
            return Ok((store::even_removed(&mut tx, earlier).await?, false));
        }
        let event = self.enter(&mut tx, actor, &member).await?;
        self.writes.commit(tx, &[event]).await?;
        Ok((member, true))
    }

    /// Changes a member; `if_match` is the version the caller has seen.
    ///
    /// # Errors
    /// As for [`Identity::add_member`], [`Refusal::MemberNotFound`], [`Refusal::VersionMismatch`],
    /// [`Refusal::LastOwner`].
    pub async fn change_member(
        &self,
        caller: &Caller,
        actor: &Actor,
        id: Uuid,
        if_match: Option<u64>,
        change: &Change,
    ) -> Result<Member, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        rows::lock_organization(&mut tx).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::even_removed(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let changed = found.changed(caller, change, if_match, self.writes.clock().now())?;
        if changed == found {
            actor.changes_nothing(tx).await?;
            return Ok(found);
        }
        allowed(&mut tx, &found, &changed).await?;
        store::update(&mut tx, &changed).await?;
        let event = self.member_event(actor, &changed, "updated", "member.update");
        self.writes.commit(tx, &[event]).await?;
        Ok(changed)
    }

    /// Removes a member and revokes all of its keys.
    ///
    /// # Errors
    /// [`Refusal::MemberNotFound`], [`Refusal::RoleTooHigh`], [`Refusal::LastOwner`], or the store's
    /// trouble.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        actor: &Actor,
        id: Uuid,
    ) -> Result<Member, Error> {
        let now = self.writes.clock().now();
        let mut tx = self.writes.begin(actor.org).await?;
        rows::lock_organization(&mut tx).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return store::even_removed(&mut tx, id).await;
        }
        let found = store::lock(&mut tx, id).await?;
        let removed = found.removed(caller, now)?;
        allowed(&mut tx, &found, &removed).await?;
        store::update(&mut tx, &removed).await?;
        let mut events = vec![self.member_event(actor, &removed, "removed", "member.remove")];
        for key in rows::lock_keys_of(&mut tx, id).await? {
            let key = key.ended(now);
            rows::update_key(&mut tx, &key).await?;
            events.push(self.key_event(actor, &key, "revoked", "key.revoke"));
        }
        self.writes.commit(tx, &events).await?;
        Ok(removed)
    }

    /// A member.
    ///
    /// # Errors
    /// [`Refusal::MemberNotFound`], or the store's trouble.
    pub async fn member(&self, org: Uuid, id: Uuid) -> Result<Member, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// A page of members in the order of their ids, and the id after which more follow.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn members(
        &self,
        org: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Member>, Option<Uuid>), Error> {
        let mut tx = self.writes.begin(org).await?;
        store::list(&mut tx, after, limit).await
    }

    /// How many members there are.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn people(&self, org: Uuid) -> Result<u64, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::count(&mut tx).await?)
    }

    /// Writes a new member's row, if the plan has room.
    pub(in crate::identity) async fn enter(
        &self,
        tx: &mut TenantTx,
        actor: &Actor,
        member: &Member,
    ) -> Result<NewEvent, Error> {
        let organization = rows::lock_organization(tx).await?;
        if let Some(max) = organization.limits.users {
            Refusal::unless_room("members", "maxUsers", store::count(tx).await?, max)?;
        }
        if store::is_taken(tx, member).await? {
            return Err(Refusal::MemberExists.into());
        }
        store::insert(tx, member).await?;
        Ok(self.member_event(actor, member, "added", "member.add"))
    }

    pub(in crate::identity) fn member_event(
        &self,
        actor: &Actor,
        member: &Member,
        verb: &str,
        action: &str,
    ) -> NewEvent {
        let about = About {
            id: &PersonId(member.id).to_string(),
            version: member.version,
            verb,
            action,
            reason_code: "",
        };
        let fact = member.fact(actor.org, &self.pepper);
        self.writes.event(actor, about, &fact)
    }
}

/// What the other members have to say about a change; under the organisation's lock.
async fn allowed(tx: &mut TenantTx, found: &Member, next: &Member) -> Result<(), Error> {
    if found.stops_owning(next) && !store::has_other_owner(tx, found.id).await? {
        return Err(Refusal::LastOwner.into());
    }
    if next.removed_at.is_none() && store::is_taken(tx, next).await? {
        return Err(Refusal::MemberExists.into());
    }
    Ok(())
}
