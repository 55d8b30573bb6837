//! A decision as an Action Receipt (agentboundary/v0.1): portable, and tamper-evident by its hash.
//!
//! The format asks for what a policy engine does not know (framework, model) and for how the act
//! ended. What the API knows is taken from it, the rest from the command line, and what nobody says
//! reads `unknown`: nothing is made up.

use chrono::DateTime;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use writ_chain::canonical;
use writ_chain::verify::Class;

use super::outcome::Outcome;
use crate::failure::Failure;

const VERSION: &str = "agentboundary/v0.1";
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
    /// Action Receipt: how the act ended; default: what its trace says
    #[arg(long, value_enum, requires = "action_receipt")]
    status: Option<Status>,
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
    pub(super) fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.arguments().is_none() {
            notes.push(
                "nobody has the arguments any more: arguments_hash is over their keyed digest; \
                 give --arguments FILE for one over the arguments themselves",
            );
        }
        if self.outcome() == "allowed" && self.trace.is_null() {
            notes.push("no trace says how the act ended: give --status");
        }
        notes
    }
}

/// The Action Receipt.
pub(super) fn of(known: &Known, words: &Words) -> Result<Value, Failure> {
    let word = |given: &Option<String>, found: Option<&str>| {
        given.as_deref().or(found).unwrap_or(UNKNOWN).to_owned()
    };
    let id = known.text("/statement/eventId").unwrap_or_default();
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
        "version": VERSION,
        "receipt_id": id,
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
            "environment": environment(known.text("/decision/environment")),
        },
        "arguments_hash": hash(arguments)?,
        "policy": policy(known),
        "execution": execution(known, words)?,
    });
    if let (Some(fields), Some(approval)) = (receipt.as_object_mut(), approval(known)) {
        fields.insert("approval".to_owned(), approval);
    }
    let whole = hash(&receipt)?;
    if let Some(fields) = receipt.as_object_mut() {
        fields.insert("receipt_hash".to_owned(), whole.into());
    }
    Ok(receipt)
}

/// Whether a text is an Action Receipt, sound or not.
pub(super) fn is_one(text: &str) -> bool {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.is_some_and(|it| it.get("version").and_then(Value::as_str) == Some(VERSION))
}

/// Checks the hash of an Action Receipt. Nobody signs one: who made it is not shown.
pub(super) fn verify(text: &str) -> Outcome {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let id = value.get("receipt_id").and_then(Value::as_str);
    let mut outcome = Outcome::named(format!("action receipt {}", id.unwrap_or(UNKNOWN)));
    let note = "hashed and not signed: it shows that nothing changed since, not who made it";
    outcome.notes.push(note.to_owned());
    // A field that is named twice has no canonical form.
    let whole = canonical::canonicalize(text).is_ok();
    let mut hashed = value.clone();
    let said = hashed
        .as_object_mut()
        .and_then(|it| it.remove("receipt_hash"));
    let made = hash(&hashed).ok().map(Value::from);
    if !whole || said.is_none() || said != made {
        let text = "its hash is not that of its content";
        outcome.wrong(Class::BadContent, text.to_owned());
    }
    outcome
}

/// SHA-256 over the canonical JSON (RFC 8785), lower-case hex.
fn hash(value: &Value) -> Result<String, Failure> {
    let bytes = canonical::to_vec(value).map_err(|why| Failure::Usage(why.to_string()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
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

fn environment(name: Option<&str>) -> &'static str {
    match name {
        Some("production" | "prod") => "prod",
        Some("staging") => "staging",
        Some(_) | None => "dev",
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
        "held" if is_approved(known) => "require-approval",
        "held" => "escalate",
        _ => "deny",
    };
    json!({ "name": name, "version": version, "decision": decision })
}

fn is_approved(known: &Known) -> bool {
    known.text("/approval/status") == Some("approved")
}

fn approval(known: &Known) -> Option<Value> {
    let held = known.outcome() == "held" && is_approved(known);
    let person = known.text("/approval/decidedBy/person");
    let id = person.or_else(|| known.text("/approval/decidedBy/keyId"));
    held.then(|| {
        json!({
            "approver": { "id": id.unwrap_or(UNKNOWN) },
            "approved_at": known.text("/approval/decidedAt"),
        })
    })
}

fn execution(known: &Known, words: &Words) -> Result<Value, Failure> {
    let mut fields = Map::new();
    let proceeded = match known.outcome() {
        "allowed" => true,
        "held" => is_approved(known) && known.text("/approval/usedAt").is_some(),
        _ => false,
    };
    let said = words.status.map(|status| status == Status::Success);
    let traced = known
        .text("/trace/status")
        .map(|status| status == "success");
    let (status, error) = match (proceeded, said.or(traced)) {
        (false, _) => ("blocked", known.text("/statement/entry/reason_code")),
        (true, Some(true)) => ("success", None),
        (true, Some(false)) => ("failure", known.text("/trace/errorType")),
        (true, None) => ("failure", Some("OUTCOME_UNKNOWN")),
    };
    fields.insert("status".to_owned(), status.into());
    let recorded = known
        .statement
        .pointer("/entry/occurred_at")
        .and_then(Value::as_i64);
    let ended = known
        .text("/trace/receivedAt")
        .or(known.text("/approval/usedAt"));
    let ended = match ended.filter(|_| proceeded) {
        Some(ended) => ended.to_owned(),
        None => time(recorded)?,
    };
    fields.insert("completed_at".to_owned(), ended.into());
    if let Some(error) = error {
        fields.insert("error_code".to_owned(), error.into());
    }
    let id = known.text("/statement/decisionId").unwrap_or_default();
    fields.insert("result_ref".to_owned(), format!("writ:{id}").into());
    Ok(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(outcome: &str) -> Known {
        Known {
            statement: json!({
                "decisionId": "dec_1",
                "eventId": "0192c8d2-5c6d-7e8f-9a0b-1c2d3e4f5a6b",
                "issuedAt": 1_790_000_000_000_000i64,
                "entry": {
                    "actor": "agent:7", "outcome": outcome, "occurred_at": 1_789_999_999_000_000i64,
                    "policy_set_hash": "ab", "reason_code": "POLICY_BLOCKED"
                }
            }),
            decision: json!({
                "environment": "production", "tools": ["Stripe.Refund"], "hits": [],
                "actionDigest": "cd"
            }),
            trace: Value::Null,
            approval: Value::Null,
            arguments: None,
        }
    }

    /// The published example: same fields, same hash.
    #[test]
    fn the_hash_is_the_one_other_implementations_make() {
        let mut example: Value =
            serde_json::from_str(include_str!("action_receipt_example.json")).unwrap();
        let theirs = example
            .as_object_mut()
            .unwrap()
            .remove("receipt_hash")
            .unwrap();
        assert_eq!(theirs, hash(&example).unwrap());
    }

    #[test]
    fn a_changed_action_receipt_is_found() {
        let text = include_str!("action_receipt_example.json");
        assert!(is_one(text) && !is_one("{}") && !is_one(""));
        assert_eq!(verify(text).class, Class::Clean);
        let changes = [
            text.replacen("\"version\"", "\"more\": 1, \"version\"", 1),
            text.replacen("\"version\"", "\"version\": 1, \"version\"", 1),
            text.replacen("\"receipt_hash\"", "\"receipt_hush\"", 1),
        ];
        for changed in changes {
            assert!(is_one(&changed), "{changed}");
            assert_eq!(verify(&changed).class, Class::BadContent, "{changed}");
        }
    }

    #[test]
    fn a_denied_act_is_blocked_and_says_why() {
        let receipt = of(&known("denied"), &Words::default()).unwrap();
        assert_eq!(receipt["policy"]["decision"], "deny");
        assert_eq!(receipt["execution"]["status"], "blocked");
        assert_eq!(receipt["execution"]["error_code"], "POLICY_BLOCKED");
        assert_eq!(receipt["tool"]["capability"], "stripe.refund");
        assert_eq!(receipt["target"]["environment"], "prod");
    }

    #[test]
    fn how_an_allowed_act_ended_is_never_made_up() {
        let mut known = known("allowed");
        let receipt = |known: &Known| of(known, &Words::default()).unwrap()["execution"].clone();
        assert_eq!(receipt(&known)["error_code"], "OUTCOME_UNKNOWN");
        known.trace = json!({ "status": "success", "receivedAt": "2026-11-20T10:00:00Z" });
        assert_eq!(receipt(&known)["status"], "success");
        assert_eq!(receipt(&known)["completed_at"], "2026-11-20T10:00:00Z");
    }

    #[test]
    fn an_approval_is_named_once_it_was_given() {
        let mut known = known("held");
        let made = |known: &Known| of(known, &Words::default()).unwrap();
        assert_eq!(made(&known)["policy"]["decision"], "escalate");
        assert_eq!(made(&known)["execution"]["status"], "blocked");
        known.approval = json!({
            "status": "approved", "decidedBy": {"person": "per_1"},
            "decidedAt": "2026-11-20T10:00:00Z", "usedAt": "2026-11-20T10:01:00Z"
        });
        let receipt = made(&known);
        assert_eq!(receipt["policy"]["decision"], "require-approval");
        assert_eq!(receipt["approval"]["approver"]["id"], "per_1");
    }

    #[test]
    fn the_arguments_given_are_those_hashed() {
        let mut known = known("denied");
        known.arguments = Some(json!({ "b": 50.0, "a": "x" }));
        let receipt = of(&known, &Words::default()).unwrap();
        let expected = hex::encode(Sha256::digest(br#"{"a":"x","b":50}"#));
        assert_eq!(receipt["arguments_hash"], expected);
        assert!(known.notes().is_empty());
    }
}
