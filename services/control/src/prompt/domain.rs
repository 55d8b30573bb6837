//! What a version of a prompt is and how it comes to be deployed: functions of values.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;
use writ_contract::{ApprovalId, PromptId, wire};

use crate::error::Refusal;

const TEMPLATE: usize = 100_000;
const TEXT: usize = 4_096;
const SHORT: usize = 256;
const PARAMS: usize = 32 * 1024;

/// How many versions an agent's prompt may have: the SDK does not page, so one answer lists them all.
const VERSIONS: u32 = 100_000;

/// A version of an agent's prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// `prv_…` on the wire.
    pub id: Uuid,
    /// Whose prompt.
    pub agent_id: Uuid,
    /// From 1, for each agent.
    pub number: u32,
    /// What was sent.
    pub content: Content,
    /// Where it is deployed.
    pub environments: Vec<String>,
    /// Where it was deployed once.
    pub was_in: Vec<String>,
    /// What became of the last request for approval.
    pub status: Status,
    /// A deployment that waits for approval.
    pub pending: Option<Pending>,
    /// The last one that was carried out.
    pub last: Option<Deployment>,
    /// Who made it.
    pub actor: String,
    /// Dense from 1; counts changes, unlike `number`.
    pub version: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The fields of `POST /prompt-versions`, kept as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PromptContent")]
#[serde(default, rename_all = "camelCase")]
pub struct Content {
    /// The template with its placeholders.
    pub prompt_template: String,
    /// Sent with every use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_message: Option<String>,
    /// Which model it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// As the model takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// As the model takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Whatever else the model takes.
    pub other_params: Map<String, Value>,
    /// What changed.
    pub change_summary: String,
    /// The application's own name of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_tag: Option<String>,
}

/// `POST /prompt-versions`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "NewPromptVersion")]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Create {
    /// UUID or external id of the agent.
    pub agent_id: String,
    prompt_template: String,
    system_message: Option<String>,
    model_name: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u64>,
    other_params: Map<String, Value>,
    change_summary: String,
    version_tag: Option<String>,
}

/// What became of the last request for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// None was made.
    NotRequired,
    /// Nobody has decided.
    Pending,
    /// Granted.
    Approved,
    /// Refused.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// Withdrawn.
    Cancelled,
}

/// A deployment that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// The request.
    pub approval_id: ApprovalId,
    /// Where it is to be deployed.
    pub environment: String,
    /// The key that asked.
    pub key: Uuid,
    /// Its person.
    pub person: Option<String>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// It goes back to this version.
    #[serde(default)]
    pub is_rollback: bool,
    /// What the one who asked says of it.
    #[serde(default)]
    pub notes: Option<String>,
}

/// A deployment that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PromptDeployment")]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Where.
    pub environment: String,
    /// It went back to this version.
    pub is_rollback: bool,
    /// `deploymentNotes`, or the `reason` of a rollback.
    pub notes: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Deployment {
    /// The verb of its fact.
    pub(super) fn verb(&self) -> &'static str {
        if self.is_rollback {
            "rolled_back"
        } else {
            "deployed"
        }
    }
}

impl Status {
    const ALL: [Self; 6] = [
        Self::NotRequired,
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotRequired => "not_required",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl Create {
    /// What is to be kept.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn checked(&self) -> Result<Content, Refusal> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        let template = self.prompt_template.chars().count();
        let wrong = [
            (
                "promptTemplate",
                !(1..=TEMPLATE).contains(&template),
                TEMPLATE,
            ),
            (
                "systemMessage",
                length(&self.system_message) > TEMPLATE,
                TEMPLATE,
            ),
            ("modelName", length(&self.model_name) > SHORT, SHORT),
            ("versionTag", length(&self.version_tag) > SHORT, SHORT),
            (
                "changeSummary",
                self.change_summary.chars().count() > TEXT,
                TEXT,
            ),
        ];
        let named = |(field, _, most)| format!("{field}: 1 to {most} characters");
        let wrong = wrong.into_iter().filter(|(_, wrong, _)| *wrong);
        let mut problems: Vec<String> = wrong.map(named).collect();
        if Value::Object(self.other_params.clone()).to_string().len() > PARAMS {
            problems.push(format!("otherParams: at most {PARAMS} bytes"));
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        Ok(Content {
            prompt_template: self.prompt_template.clone(),
            system_message: self.system_message.clone(),
            model_name: self.model_name.clone(),
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            other_params: self.other_params.clone(),
            change_summary: self.change_summary.clone(),
            version_tag: self.version_tag.clone(),
        })
    }
}

impl Prompt {
    /// Whether it is deployed anywhere.
    #[must_use]
    pub fn is_deployed(&self) -> bool {
        !self.environments.is_empty()
    }

    /// Whether it is or was deployed there: going back to it needs no approval.
    #[must_use]
    pub fn is_known_in(&self, environment: &str) -> bool {
        let mut known = self.environments.iter().chain(&self.was_in);
        known.any(|name| name == environment)
    }

    /// Whether somebody was asked to approve its deployment there and has not answered.
    #[must_use]
    pub fn waits_for(&self, environment: &str) -> bool {
        let waits = self.pending.as_ref();
        waits.is_some_and(|pending| pending.environment == environment)
    }

    /// The request that it waited for `before` and waits for no more.
    #[must_use]
    pub fn no_longer_awaits(&self, before: &Self) -> Option<ApprovalId> {
        let request = |prompt: &Self| prompt.pending.as_ref().map(|pending| pending.approval_id);
        request(before).filter(|id| before.id == self.id && request(self) != Some(*id))
    }

    /// Deployed there too; whatever waited for approval there is settled by it.
    #[must_use]
    pub fn deployed(&self, last: Deployment, status: Status) -> Self {
        let now = last.at;
        let mut environments = self.environments.clone();
        add(&mut environments, &last.environment);
        let waits = self.pending.clone();
        let pending = waits.filter(|pending| pending.environment != last.environment);
        Self {
            environments,
            status: if pending.is_some() {
                self.status
            } else {
                status
            },
            pending,
            last: Some(last),
            ..self.next(now)
        }
    }

    /// No longer deployed there.
    #[must_use]
    pub fn withdrawn(&self, environment: &str, now: DateTime<Utc>) -> Self {
        let mut next = self.next(now);
        next.environments.retain(|other| other != environment);
        add(&mut next.was_in, environment);
        next
    }

    /// Waiting for approval.
    #[must_use]
    pub fn asked(&self, pending: Pending, now: DateTime<Utc>) -> Self {
        Self {
            status: Status::Pending,
            pending: Some(pending),
            ..self.next(now)
        }
    }

    /// What it waited for will not come.
    #[must_use]
    pub fn refused(&self, status: Status, now: DateTime<Utc>) -> Self {
        Self {
            status,
            pending: None,
            ..self.next(now)
        }
    }

    fn next(&self, now: DateTime<Utc>) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        }
    }

    /// The fact that states it, and that a request ends with it.
    #[must_use]
    pub fn fact(
        &self,
        external_agent_id: &str,
        cancelled: Option<ApprovalId>,
    ) -> wire::PromptVersion {
        let pending = self.pending.as_ref().map(|pending| wire::PromptRequest {
            approval_id: pending.approval_id.to_bytes(),
            environment: pending.environment.clone(),
            key_id: pending.key.as_bytes().to_vec(),
            person: pending.person.clone().unwrap_or_default(),
            requested_at_us: pending.requested_at.timestamp_micros(),
        });
        wire::PromptVersion {
            prompt_id: PromptId(self.id).to_bytes(),
            agent_id: self.agent_id.as_bytes().to_vec(),
            external_agent_id: external_agent_id.to_owned(),
            number: self.number,
            environments: self.environments.clone(),
            approval_status: self.status.as_str().to_owned(),
            pending,
            cancelled_approval_id: cancelled.map(|id| id.to_bytes()).unwrap_or_default(),
            last_environment: self.last.as_ref().map_or_else(String::new, place),
        }
    }
}

fn place(deployment: &Deployment) -> String {
    deployment.environment.clone()
}

fn add(environments: &mut Vec<String>, name: &str) {
    environments.push(name.to_owned());
    environments.sort_unstable();
    environments.dedup();
}

/// The number of the version after `last`.
///
/// # Errors
/// [`Refusal::Invalid`] when a list could not hold one more.
pub(super) fn number_after(last: u32) -> Result<u32, Refusal> {
    if last >= VERSIONS {
        let problem = format!("its prompt has {VERSIONS} versions, and cannot have more");
        return Err(Refusal::field("agentId", &problem));
    }
    Ok(last + 1)
}

#[cfg(test)]
mod tests;
