//! A decision as an Action Receipt (agentboundary/v0.1): portable, and tamper-evident by its hash.
//!
//! The format asks for what a policy engine does not know (framework, model) and for how the act
//! ended. What the API knows is taken from it, the rest from the command line, and what nobody says
//! reads `unknown`: nothing is made up.

mod execution;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Builder;
use writ_chain::canonical;
use writ_chain::document::ACTION_RECEIPT;

use crate::failure::Failure;

const UNKNOWN: &str = "unknown";

/// What the command line says of the act.
#[derive(Args, Default)]
pub(crate) struct Words {
    /// Action Receipt: the agent's framework
    #[arg(long, value_name = "NAME", requires = "action_receipt")]
    framework: Option<String>,
    /// Action Receipt: the framework's version
    #[arg(long, value_name = "VERSION", requires = "action_receipt")]
    framework_version: Option<String>,
    /// Action Receipt: the model that chose the tool; default: that of the trace
    #[arg(long, value_name = "NAME", requires = "action_receipt")]
    model: Option<String>,
    /// Action Receipt: the system that was acted on
    #[arg(long, value_name = "NAME", requires = "action_receipt")]
    system: Option<String>,
    /// Action Receipt: which of the format's three environments it was in; default: `production` and
    /// `prod` are prod, `staging` is staging, every other is dev
    #[arg(long, value_enum, requires = "action_receipt")]
    environment: Option<Environment>,
    /// Action Receipt: how the act ended; default: what its trace says
    #[arg(long, value_enum, requires_all = ["action_receipt", "completed_at"])]
    status: Option<Status>,
    /// Action Receipt: when the act ended, RFC 3339
    #[arg(long, value_name = "TIME", requires = "status", value_parser = instant)]
    completed_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Environment {
    Prod,
    Staging,
    Dev,
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    time.map_err(|_| format!("`{text}` is no time such as 2026-11-20T10:00:00Z"))
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    Success,
    Failure,
}

/// What the API knows of a decision; null where it knows nothing.
pub(super) struct Known {
    /// The statement of the decision's receipt.
    pub(super) statement: Value,
    pub(super) decision: Value,
    pub(super) trace: Value,
    pub(super) approval: Value,
    /// Given on the command line.
    pub(super) arguments: Option<Value>,
}

impl Known {
    fn text(&self, pointer: &str) -> Option<&str> {
        let whole = ["statement", "decision", "trace", "approval"];
        let parts = [&self.statement, &self.decision, &self.trace, &self.approval];
        let (name, rest) = pointer.trim_start_matches('/').split_once('/')?;
        let part = whole.iter().position(|it| *it == name)?;
        let text = parts.get(part)?.pointer(&format!("/{rest}"))?.as_str()?;
        Some(text).filter(|text| !text.is_empty())
    }

    fn outcome(&self) -> &str {
        self.text("/statement/entry/outcome").unwrap_or_default()
    }

    /// The arguments of the act, as far as anybody still has them.
    fn arguments(&self) -> Option<&Value> {
        let found = [self.trace.get("input"), self.approval.get("actionContext")];
        let found = found.into_iter().flatten().find(|value| !value.is_null());
        self.arguments.as_ref().or(found)
    }

    /// What the reader should know about what is in it.
    pub(super) fn notes(&self, words: &Words) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.arguments().is_none() {
            notes.push(
                "nobody has the arguments any more: arguments_hash is over their keyed digest, and \
                 result_ref says so; give --arguments FILE for one over the arguments themselves",
            );
        }
        if environment(self, words).is_none() {
            notes.push(
                "the format knows prod, staging and dev only, and this environment reads dev: give \
                 --environment for another",
            );
        }
        if words.status.is_none() && self.outcome() == "allowed" && self.trace.is_null() {
            notes.push("no trace says how the act ended: give --status and --completed-at");
        }
        notes
    }
}

/// The Action Receipt.
pub(super) fn of(known: &Known, words: &Words) -> Result<Value, Failure> {
    let word = |given: &Option<String>, found: Option<&str>| {
        let given = given.as_deref().filter(|word| !word.is_empty());
        given.or(found).unwrap_or(UNKNOWN).to_owned()
    };
    let actor = known.text("/statement/entry/actor").unwrap_or(UNKNOWN);
    let kind = if actor.starts_with("agent:") {
        "agent"
    } else {
        "system"
    };
    let tool = known.text("/decision/tools/0");
    let tool = tool
        .or_else(|| known.text("/trace/toolName"))
        .unwrap_or(UNKNOWN);
    let issued = known.statement.get("issuedAt").and_then(Value::as_i64);
    let keyed = json!({ "actionDigest": known.text("/decision/actionDigest") });
    let arguments = known.arguments().unwrap_or(&keyed);
    let mut receipt = json!({
        "version": ACTION_RECEIPT,
        "issued_at": time(issued)?,
        "actor": { "type": kind, "id": actor },
        "agent": {
            "framework": word(&words.framework, None),
            "framework_version": word(&words.framework_version, None),
            "model": word(&words.model, known.text("/trace/modelName")),
        },
        "tool": { "name": tool, "capability": capability(tool) },
        "target": {
            "system": word(&words.system, tool.split('.').next()),
            "environment": environment(known, words).unwrap_or("dev"),
        },
        "arguments_hash": hash(arguments)?,
        "policy": policy(known),
        "execution": execution::of(known, words)?,
    });
    if let Some(approval) = execution::approval(known) {
        put(&mut receipt, "approval", approval);
    }
    let id = id(&receipt)?;
    put(&mut receipt, "receipt_id", id.into());
    let whole = hash(&receipt)?;
    put(&mut receipt, "receipt_hash", whole.into());
    Ok(receipt)
}

fn put(receipt: &mut Value, field: &str, value: Value) {
    if let Some(fields) = receipt.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// A UUID (version 8) of the content: receipts that say different things have different ids.
fn id(content: &Value) -> Result<String, Failure> {
    let digest = Sha256::digest(canonical_bytes(content)?);
    let bytes = digest.first_chunk().copied().unwrap_or_default();
    Ok(Builder::from_custom_bytes(bytes).into_uuid().to_string())
}

/// SHA-256 over the canonical JSON (RFC 8785), lower-case hex.
fn hash(value: &Value) -> Result<String, Failure> {
    Ok(hex::encode(Sha256::digest(canonical_bytes(value)?)))
}

fn canonical_bytes(value: &Value) -> Result<Vec<u8>, Failure> {
    canonical::to_vec(value).map_err(|why| Failure::Usage(why.to_string()))
}

fn time(micros: Option<i64>) -> Result<String, Failure> {
    let time = micros.and_then(DateTime::from_timestamp_micros);
    let time = time.ok_or_else(|| Failure::Unavailable("the receipt has no time".into()))?;
    Ok(time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
}

/// Lower-case ASCII words with dots between them.
fn capability(tool: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '_'
        }
    };
    tool.to_ascii_lowercase().chars().map(plain).collect()
}

/// The environment in the format's words; `None` when it has none for it.
fn environment(known: &Known, words: &Words) -> Option<&'static str> {
    match (words.environment, known.text("/decision/environment")) {
        (Some(Environment::Prod), _) | (None, Some("production" | "prod")) => Some("prod"),
        (Some(Environment::Staging), _) | (None, Some("staging")) => Some("staging"),
        (Some(Environment::Dev), _) | (None, Some("development" | "dev")) => Some("dev"),
        (None, _) => None,
    }
}

/// The policy that decided, and its version; without a hit, the whole set under its hash.
fn policy(known: &Known) -> Value {
    let hit = known.decision.pointer("/hits/0");
    let (name, version) = match hit {
        Some(hit) => {
            let text = |field: &str| hit.get(field).and_then(Value::as_str).unwrap_or(UNKNOWN);
            let name = format!("writ.{}.{}", text("policyType"), text("policyId"));
            let version = hit.get("policyVersion").map(Value::to_string);
            (name, version.unwrap_or_else(|| UNKNOWN.to_owned()))
        }
        None => {
            let set = known.text("/statement/entry/policy_set_hash");
            (
                "writ.policy-set".to_owned(),
                set.unwrap_or(UNKNOWN).to_owned(),
            )
        }
    };
    // The schema has no `require-approval` without an approval: a request that nobody granted was
    // handed to people and came to nothing.
    let decision = match known.outcome() {
        "allowed" => "allow",
        "held" if execution::is_approved(known) => "require-approval",
        "held" => "escalate",
        _ => "deny",
    };
    json!({ "name": name, "version": version, "decision": decision })
}

#[cfg(test)]
mod tests;
