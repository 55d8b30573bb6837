//! Prompts: numbered versions for each agent, of which one is deployed in an environment.

mod domain;
mod follow;
mod store;

use uuid::Uuid;
use writ_contract::{ApprovalId, KeyId, PromptId};
use writ_pg::{NewEvent, TenantTx};

pub use domain::{Content, Create, Pending, Prompt, Status};
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
    /// It goes back to an earlier version: one that was deployed before needs no approval.
    pub is_rollback: bool,
}

/// What changed with a deployment: versions, each with the verb of its fact.
type Changes = Vec<(Prompt, &'static str)>;

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
            number: store::last_number(&mut tx, agent.id).await? + 1,
            content,
            environments: Vec::new(),
            was_deployed: false,
            status: Status::NotRequired,
            pending: None,
            actor: actor.name.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        store::insert(&mut tx, &prompt).await?;
        let event = self.event(actor, &prompt, &agent.external_id, "created");
        self.writes.store(tx, &[event]).await?;
        Ok(prompt)
    }

    /// Deploys a version, in place of the one that is deployed there, or asks for approval.
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
        let known = command.is_rollback && found.was_deployed;
        let changes = if found.environments.contains(&command.environment) {
            Vec::new()
        } else if command.needs_approval && !known {
            self.ask(actor, &found, &command.environment)?
        } else {
            self.replace(&mut tx, &found, &command.environment, Status::NotRequired)
                .await?
        };
        self.save(tx, actor, &agent.external_id, &found, changes)
            .await
    }

    /// Carries out what was decided about a request; what nobody waits for changes nothing.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn settle(
        &self,
        org: Uuid,
        approval: ApprovalId,
        status: Status,
    ) -> Result<(), Error> {
        let actor = Actor::system(org);
        let mut tx = self.writes.begin(org).await?;
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
            self.replace(&mut tx, &found, &pending.environment, status)
                .await?
        } else {
            vec![(found.refused(status, self.writes.clock().now()), "refused")]
        };
        let external = store::external_id(&mut tx, found.agent_id).await?;
        self.save(tx, &actor, &external, &found, changes).await?;
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

    /// An agent's versions, the newest first, at most a thousand.
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

    fn ask(&self, actor: &Actor, found: &Prompt, environment: &str) -> Result<Changes, Error> {
        let waits = found.pending.as_ref();
        if waits.is_some_and(|pending| pending.environment == environment) {
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
            environment: environment.to_owned(),
            key: key.0,
            person: actor.person.clone(),
            requested_at: now,
        };
        Ok(vec![(found.asked(pending, now), "requested")])
    }

    async fn replace(
        &self,
        tx: &mut TenantTx,
        found: &Prompt,
        environment: &str,
        status: Status,
    ) -> Result<Changes, Error> {
        let now = self.writes.clock().now();
        let before = store::deployed(tx, found.agent_id, environment).await?;
        let before = before.into_iter().filter(|other| other.id != found.id);
        let mut changes: Changes = before
            .map(|other| (other.withdrawn(environment, now), "withdrawn"))
            .collect();
        changes.push((found.deployed(environment, status, now), "deployed"));
        Ok(changes)
    }

    /// Writes what changed; answers with the version in question.
    async fn save(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        external: &str,
        found: &Prompt,
        changes: Changes,
    ) -> Result<Prompt, Error> {
        let Some((last, _)) = changes.last().cloned() else {
            actor.changes_nothing(tx).await?;
            return Ok(found.clone());
        };
        let mut events = Vec::new();
        for (prompt, verb) in &changes {
            store::update(&mut tx, prompt).await?;
            events.push(self.event(actor, prompt, external, verb));
        }
        self.writes.store(tx, &events).await?;
        Ok(last)
    }

    fn event(&self, actor: &Actor, prompt: &Prompt, external: &str, verb: &str) -> NewEvent {
        let about = About {
            id: &PromptId(prompt.id).to_string(),
            version: prompt.version,
            verb,
            action: &format!("prompt.{verb}"),
            reason_code: "",
        };
        self.writes.event(actor, about, &prompt.fact(external))
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
