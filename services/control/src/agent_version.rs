//! Versions of agents: snapshots of a registration that say what was deployed when, and which of them
//! is said to run.

mod store;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::wire;
use writ_pg::TenantTx;

use crate::error::{Error, Refusal};
use crate::registry::Agent;
use crate::write::{About, Actor, Writes};

const SHORT: usize = 256;
const NOTES: usize = 4_096;
const METADATA: usize = 16 * 1024;

/// The versions of all agents.
#[derive(Debug, Clone)]
pub struct AgentVersions {
    writes: Writes,
}

/// One version.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentVersion {
    /// From 1, for each agent.
    pub number: u32,
    /// The application's own name for it.
    pub label: Option<String>,
    /// For people.
    pub notes: Option<String>,
    /// Such as `gitCommit` and `deployedAt`.
    pub metadata: Value,
    /// The registration as it was.
    pub snapshot: Value,
    /// It is the one that is said to run.
    pub is_active: bool,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// `POST /agents/{id}/versions`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "NewAgentVersion")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    activate: bool,
    version_label: Option<String>,
    notes: Option<String>,
    metadata: Option<Map<String, Value>>,
}

/// Which versions an agent has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head {
    latest: u32,
    active: Option<u32>,
    version: u64,
}

impl Report {
    fn problems(&self) -> Vec<String> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        let metadata = self.metadata.as_ref().map(|it| Value::Object(it.clone()));
        let size = metadata.map_or(0, |metadata| metadata.to_string().len());
        let wrong = [
            (
                length(&self.version_label) > SHORT,
                format!("versionLabel: at most {SHORT} characters"),
            ),
            (
                length(&self.notes) > NOTES,
                format!("notes: at most {NOTES} characters"),
            ),
            (
                size > METADATA,
                format!("metadata: at most {METADATA} bytes"),
            ),
        ];
        let wrong = wrong.into_iter().filter(|(wrong, _)| *wrong);
        wrong.map(|(_, problem)| problem).collect()
    }
}

impl AgentVersions {
    /// Over what modules write with.
    #[must_use]
    pub fn new(writes: Writes) -> Self {
        Self { writes }
    }

    /// Keeps what the agent is now as its next version.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field, or the store's trouble.
    pub async fn report(
        &self,
        actor: &Actor,
        agent: &Agent,
        report: &Report,
        snapshot: Value,
    ) -> Result<AgentVersion, Error> {
        let problems = report.problems();
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems).into());
        }
        let mut tx = self.writes.begin(actor.org).await?;
        let head = store::lock(&mut tx, agent.id).await?;
        if actor.repeats(&mut tx, agent.id).await?.is_some() {
            return store::find(&mut tx, agent.id, head.latest).await;
        }
        let number = head.latest + 1;
        let made = AgentVersion {
            number,
            label: report.version_label.clone(),
            notes: report.notes.clone(),
            metadata: Value::Object(report.metadata.clone().unwrap_or_default()),
            snapshot,
            is_active: report.activate,
            actor: actor.name.clone(),
            created_at: self.writes.clock().now(),
        };
        store::insert(&mut tx, agent.id, &made).await?;
        let next = Head {
            latest: number,
            active: if report.activate {
                Some(number)
            } else {
                head.active
            },
            version: head.version + 1,
        };
        self.save(tx, actor, agent.id, next, "created").await?;
        Ok(made)
    }

    /// Makes a version the one that is said to run.
    ///
    /// # Errors
    /// [`Refusal::AgentVersionNotFound`], or the store's trouble.
    pub async fn activate(
        &self,
        actor: &Actor,
        agent: Uuid,
        number: u32,
    ) -> Result<AgentVersion, Error> {
        let mut tx = self.writes.begin(actor.org).await?;
        let head = store::lock(&mut tx, agent).await?;
        let found = store::find(&mut tx, agent, number).await?;
        if found.is_active || actor.repeats(&mut tx, agent).await?.is_some() {
            return Ok(found);
        }
        let next = Head {
            active: Some(number),
            version: head.version + 1,
            ..head
        };
        self.save(tx, actor, agent, next, "activated").await?;
        Ok(AgentVersion {
            is_active: true,
            ..found
        })
    }

    /// Versions below `before`, the newest first.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn list(
        &self,
        org: Uuid,
        agent: Uuid,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<AgentVersion>, Error> {
        let mut tx = self.writes.begin(org).await?;
        Ok(store::list(&mut tx, agent, before, limit).await?)
    }

    async fn save(
        &self,
        mut tx: TenantTx,
        actor: &Actor,
        agent: Uuid,
        head: Head,
        verb: &str,
    ) -> Result<(), Error> {
        store::update(&mut tx, agent, head).await?;
        let about = About {
            id: &agent.to_string(),
            version: head.version,
            verb,
            action: &format!("agent_version.{verb}"),
            reason_code: "",
        };
        let fact = wire::AgentVersions {
            agent_id: agent.as_bytes().to_vec(),
            latest: head.latest,
            active: head.active,
        };
        let event = self.writes.event(actor, about, &fact);
        self.writes.store(tx, &[event]).await?;
        Ok(())
    }
}
