//! Prompts: numbered versions for each agent, of which one is deployed in an environment.

mod domain;
mod follow;
mod store;

use uuid::Uuid;
use writ_contract::{ApprovalId, KeyId, PromptId};
use writ_pg::{NewEvent, TenantTx};

pub use domain::{Content, Create, Deployment, Pending, Prompt, Status};
pub use follow::FollowError;

use crate::error::{Error, Refusal};
use crate::registry::Agent;
use crate::write::{About, Actor, Writes};

/// The prompts of all organisations.
#[derive(Debug, Clone)]
pub struct Prompts {
    writes: Writes,
}

/// That a version is to be deployed.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// Where.
    pub environment: String,
    /// Somebody has to approve it first.
    pub needs_approval: bool,
    /// It goes back to an earlier version: one that was deployed there before needs no approval.
    pub is_rollback: bool,
    /// What the caller says of it.
    pub notes: Option<String>,
}

/// A version that changed.
#[derive(Debug)]
struct Change {
    prompt: Prompt,
    /// Of its fact.
    verb: &'static str,
    /// A request that nobody needs to decide any more.
    cancels: Option<ApprovalId>,
}

impl Change {
    fn new(prompt: Prompt, verb: &'static str) -> Self {
        Self {
            prompt,
            verb,
            cancels: None,
        }
    }
}

impl Prompts {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Self {
        Self { writes }
    }

    /// Makes the next version of an agent's prompt. It is deployed by another call.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, or the store's trouble.
    pub async fn create(
        &self,
        actor: &Actor,
        agent: &Agent,
        command: &Create,
    ) -> Result<Prompt, Error> {
        let content = command.checked()?;
        let (id, now) = (self.writes.new_id(), self.writes.clock().now());
        let mut tx = self.writes.begin(actor.org).await?;
        if let Some(earlier) = actor.repeats(&mut tx, id).await? {
            return store::find(&mut tx, earlier).await;
        }
        store::alone(&mut tx, agent.id).await?;
        let prompt = Prompt {
            id,
            agent_id: agent.id,
            number: domain::number_after(store::last_number(&mut tx, agent.id).await?)?,
            content,
            environments: Vec::new(),
            was_in: Vec::new(),
            status: Status::NotRequired,
            pending: None,
            last: None,
            actor: actor.name.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        store::insert(&mut tx, &prompt).await?;
        let created = Change::new(prompt, "created");
        let event = self.event(actor, &created, &agent.external_id);
        self.writes.store(tx, &[event]).await?;
        Ok(created.prompt)
    }

    /// Deploys a version, in place of the one that is deployed there, or asks for approval. A request
    /// that it waits for is not passed over by asking again without one.
    ///
    /// # Errors
    /// [`Refusal::PromptNotFound`], or the store's trouble.
    pub async fn deploy(
        &self,
        actor: &Actor,
        agent: &Agent,
        id: Uuid,
        command: &Deploy,
    ) -> Result<Prompt, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        store::alone(&mut tx, agent.id).await?;
        let found = store::find(&mut tx, id).await?;
        if actor.repeats(&mut tx, id).await?.is_some() {
            return Ok(found);
        }
        let place = &command.environment;
        let is_there = found.environments.contains(place);
        let known = command.is_rollback && found.is_known_in(place);
        let asks = command.needs_approval || found.waits_for(place);
        let mut changes = if is_there && !command.is_rollback {
            Vec::new()
        } else if asks && !known {
            self.ask(actor, &found, command)?
        } else {
            let last = self.deployment(place, command.is_rollback, command.notes.clone());
            // Also where a request of old was granted: this time nobody was asked.
            self.replace(&mut tx, &found, last, Status::NotRequired)
                .await?
        };
        for change in &mut changes {
            change.cancels = change.prompt.no_longer_awaits(&found);
        }
        self.save(tx, actor, &agent.external_id, &found, changes)
            .await
    }

    /// Carries out what was decided about a request; what nobody waits for changes nothing.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn settle(
        &self,
        actor: &Actor,
        approval: ApprovalId,
        status: Status,
    ) -> Result<(), Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let Some(seen) = store::waiting(&mut tx, approval.0).await? else {
            return Ok(());
        };
        store::alone(&mut tx, seen.agent_id).await?;
        let found = store::find(&mut tx, seen.id).await?;
        let waits = found.pending.clone();
        let Some(pending) = waits.filter(|pending| pending.approval_id == approval) else {
            return Ok(());
        };
        let changes = if status == Status::Approved {
            let last = self.deployment(&pending.environment, pending.is_rollback, pending.notes);
            self.replace(&mut tx, &found, last, status).await?
        } else {
            let refused = found.refused(status, self.writes.clock().now());
            vec![Change::new(refused, "refused")]
        };
        let external = store::external_id(&mut tx, found.agent_id).await?;
        self.save(tx, actor, &external, &found, changes).await?;
        Ok(())
    }

    /// One version.
    ///
    /// # Errors
    /// [`Refusal::PromptNotFound`], or the store's trouble.
    pub async fn get(&self, org: Uuid, id: Uuid) -> Result<Prompt, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::find(&mut tx, id).await
    }

    /// The agent's version of this number.
    ///
    /// # Errors
    /// [`Refusal::PromptNotFound`], or the store's trouble.
    pub async fn numbered(&self, org: Uuid, agent: Uuid, number: u32) -> Result<Prompt, Error> {
        let mut tx = self.writes.begin(org).await?;
        store::numbered(&mut tx, agent, number).await
    }

    /// All of an agent's versions, the newest first.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(
        &self,
        org: Uuid,
        agent: Uuid,
        only_deployed: bool,
    ) -> Result<Vec<Prompt>, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::list(&mut tx, agent, only_deployed).await?)
    }

    async fn all_waiting(&self) -> Result<Vec<(Uuid, Uuid)>, Error> {
        let mut tx = self.writes.pools().writer.begin().await?;
        Ok(store::all_waiting(&mut tx).await?)
    }

    fn deployment(&self, place: &str, is_rollback: bool, notes: Option<String>) -> Deployment {
        Deployment {
            environment: place.to_owned(),
            is_rollback,
            notes,
            at: self.writes.clock().now(),
        }
    }

    fn ask(&self, actor: &Actor, found: &Prompt, command: &Deploy) -> Result<Vec<Change>, Error> {
        if found.waits_for(&command.environment) {
            return Ok(Vec::new());
        }
        let key = actor.name.strip_prefix("key:").map(str::parse::<KeyId>);
        let key = match (key, &actor.person) {
            (Some(Ok(key)), _) => key,
            (None, Some(_)) => KeyId(Uuid::nil()),
            _ => return Err(Error::Bug("nobody asks for an approval".to_owned())),
        };
        let now = self.writes.clock().now();
        let pending = Pending {
            approval_id: ApprovalId(self.writes.new_id()),
            environment: command.environment.clone(),
            key: key.0,
            person: actor.person.clone(),
            requested_at: now,
            is_rollback: command.is_rollback,
            notes: command.notes.clone(),
        };
        Ok(vec![Change::new(found.asked(pending, now), "requested")])
    }

    async fn replace(
        &self,
        tx: &mut TenantTx,
        found: &Prompt,
        last: Deployment,
        status: Status,
    ) -> Result<Vec<Change>, Error> {
        let place = &last.environment;
        let before = store::deployed(tx, found.agent_id, place).await?;
        let before = before.into_iter().filter(|other| other.id != found.id);
        let withdrawn = before.map(|other| other.withdrawn(place, last.at));
        let mut changes: Vec<Change> = withdrawn
            .map(|other| Change::new(other, "withdrawn"))
            .collect();
        let verb = last.verb();
        changes.push(Change::new(found.deployed(last, status), verb));
        Ok(changes)
    }

    /// Writes what changed; answers with the version in question.
    async fn save(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        external: &str,
        found: &Prompt,
        changes: Vec<Change>,
    ) -> Result<Prompt, Error> {
        let Some(last) = changes.last().map(|change| change.prompt.clone()) else {
            actor.changes_nothing(tx).await?;
            return Ok(found.clone());
        };
        let mut events = Vec::new();
        for change in &changes {
            store::update(&mut tx, &change.prompt).await?;
            events.push(self.event(actor, change, external));
        }
        self.writes.store(tx, &events).await?;
        Ok(last)
    }

    fn event(&self, actor: &Actor, change: &Change, external: &str) -> NewEvent {
        let (prompt, verb) = (&change.prompt, change.verb);
        let about = About {
            id: &PromptId(prompt.id).to_string(),
            version: prompt.version,
            verb,
            action: &format!("prompt.{verb}"),
            reason_code: "",
        };
        self.writes
            .event(actor, about, &prompt.fact(external, change.cancels))
    }
}

/// An id that is none belongs to no prompt.
///
/// # Errors
/// [`Refusal::PromptNotFound`].
pub fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<PromptId>();
    id.map(|id| id.0).map_err(|_| Refusal::PromptNotFound)
}
