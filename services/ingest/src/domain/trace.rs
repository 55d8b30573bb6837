//! One trace of the ingest contract, read from its JSON text.

use chrono::{DateTime, NaiveDateTime};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use writ_access::agent_token::Identity;
use writ_contract::DecisionId;

use super::behind::Behind;
use super::evidence::confirms;
use super::fields::{Fields, InvalidField};

/// Longest id, name or status, in bytes.
const SHORT: usize = 512;
/// Longest error message, in bytes; it may fill the trace.
const LONG: usize = 1 << 20;
/// 2100-01-01, in milliseconds: what is later is no start time.
const LATEST_MS: i64 = 4_102_444_800_000;
const CREDENTIAL: &str = "agentCredential";
/// A trace that cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTrace {
    /// Not a JSON object.
    #[error("a trace is a JSON object")]
    NotAnObject,
    /// A field that has to be there is not.
    #[error("{0}: is required")]
    Missing(&'static str),
    /// A field does not hold what it should.
    #[error(transparent)]
    Field(#[from] InvalidField),
}

/// One trace. Texts are empty and numbers `None` where the field is absent or null; JSON values
/// are the text they were sent in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Trace {
    /// Shared by all spans of a run.
    pub(crate) trace_id: String,
    /// `metadata.spanId`: with organisation and trace id, the identity of the item.
    pub(crate) span_id: String,
    /// `metadata.parentSpanId`.
    pub(crate) parent_span_id: String,
    /// Given by the application.
    pub(crate) parent_trace_id: String,
    /// External or internal id of the agent.
    pub(crate) agent_id: String,
    /// Where it ran; `production` when it does not say, as at registration and enforcement.
    pub(crate) environment: String,
    /// Session, as the application names it.
    pub(crate) session_id: String,
    /// User, as the application names it.
    pub(crate) user_id: String,
    /// `interactive`, `subagent`, … as sent.
    pub(crate) tier: String,
    /// The agents it was handed down by, the first delegator first; the first 16.
    pub(crate) delegation_chain: Vec<String>,
    /// The decision that allowed the delegation.
    pub(crate) parent_decision_id: Option<DecisionId>,
    /// Start, milliseconds since the Unix epoch.
    pub(crate) timestamp_ms: Option<i64>,
    /// Milliseconds.
    pub(crate) duration_ms: Option<u64>,
    /// `success`, `error`, … as sent.
    pub(crate) status: String,
    /// `metadata.spanKind`.
    pub(crate) span_kind: String,
    /// `metadata.spanName`.
    pub(crate) span_name: String,
    /// Free text of the application.
    pub(crate) span_type: String,
    /// `metadata.toolName`.
    pub(crate) tool_name: String,
    /// The model called.
    pub(crate) model_name: String,
    /// Tokens of the prompt.
    pub(crate) prompt_tokens: Option<u64>,
    /// Tokens of the completion.
    pub(crate) completion_tokens: Option<u64>,
    /// All tokens.
    pub(crate) total_tokens: Option<u64>,
    /// Billionths of a US dollar.
    pub(crate) cost_nanos: Option<i64>,
    /// Class of the error.
    pub(crate) error_type: String,
    /// The error in words.
    pub(crate) error_message: String,
    /// JSON text.
    pub(crate) input: String,
    /// JSON text.
    pub(crate) output: String,
    /// In the order sent.
    pub(crate) tags: Vec<String>,
    /// JSON text.
    pub(crate) metadata: String,
    /// JSON text.
    pub(crate) effect_evidence: String,
    /// Fields this version does not know, as a JSON object.
    pub(crate) extra: String,
    /// From `metadata.enforcement.source`, when it is `writ:<decision id>`.
    pub(crate) decision_id: Option<DecisionId>,
    /// The agent credential it carried, which is not stored; in stored text, what it proved.
    pub(crate) credential: Credential,
}

/// An agent credential, or the word for what one proved; empty when none was sent.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Credential(String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "some" })
    }
}

impl Credential {
    /// As sent, when one was.
    pub(crate) fn sent(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&self.0)
    }
}

impl Trace {
    /// Reads a trace from its JSON text.
    ///
    /// # Errors
    /// [`InvalidTrace`] names the first field that is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, InvalidTrace> {
        let mut fields = Fields::of(text).ok_or(InvalidTrace::NotAnObject)?;
        let mut trace = Self::known(&mut fields)?;
        let said = Behind::of(&fields);
        let in_metadata = trace.in_metadata()?;
        trace.is_from(said.or(in_metadata));
        trace.extra = fields.rest();
        if trace.trace_id.is_empty() {
            return Err(InvalidTrace::Missing("traceId"));
        }
        if trace.agent_id.is_empty() {
            return Err(InvalidTrace::Missing("agentId"));
        }
        Ok(trace)
    }

    fn known(fields: &mut Fields<'_>) -> Result<Self, InvalidTrace> {
        let json = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(Self {
            trace_id: fields.text("traceId", SHORT)?,
            parent_trace_id: fields.text("parentTraceId", SHORT)?,
            agent_id: fields.text("agentId", SHORT)?,
            environment: Some(fields.text("environment", SHORT)?)
                .filter(|named| !named.is_empty())
                .unwrap_or_else(|| "production".to_owned()),
            session_id: fields.text("sessionId", SHORT)?,
            user_id: fields.text("userId", SHORT)?,
            timestamp_ms: timestamp(&fields.text("timestamp", SHORT)?)?,
            duration_ms: fields.count("durationMs")?,
            status: fields.text("status", SHORT)?,
            span_type: fields.text("spanType", SHORT)?,
            model_name: fields.text("modelName", SHORT)?,
            prompt_tokens: fields.count("promptTokens")?,
            completion_tokens: fields.count("completionTokens")?,
            total_tokens: fields.count("totalTokens")?,
            cost_nanos: cost(fields.read("costUsd", "a number from 0")?)?,
            error_type: fields.text("errorType", SHORT)?,
            error_message: fields.text("errorMessage", LONG)?,
            input: json(fields.json("input")),
            output: json(fields.json("output")),
            tags: fields.read("tags", "a list of texts")?.unwrap_or_default(),
            metadata: json(fields.json("metadata")),
            effect_evidence: json(fields.json("effectEvidence")),
            credential: credential(fields.json(CREDENTIAL)),
            ..Self::default()
        })
    }

    /// What the trace says itself comes first.
    fn is_from(&mut self, behind: Behind) {
        for (own, said) in [
            (&mut self.user_id, behind.user_id),
            (&mut self.session_id, behind.session_id),
        ] {
            if own.is_empty() {
                *own = said;
            }
        }
        self.tier = behind.tier;
        self.delegation_chain = behind.chain;
        self.parent_decision_id = behind.parent_decision_id;
    }

    fn in_metadata(&mut self) -> Result<Behind, InvalidField> {
        if self.metadata.is_empty() {
            return Ok(Behind::default());
        }
        let (field, expected) = ("metadata", "an object");
        let mut fields = Fields::of(&self.metadata).ok_or(InvalidField { field, expected })?;
        let behind = Behind::of(&fields);
        self.span_id = fields.text_if_any("spanId");
        self.parent_span_id = fields.text_if_any("parentSpanId");
        self.span_kind = fields.text_if_any("spanKind");
        self.span_name = fields.text_if_any("spanName");
        self.tool_name = fields.text_if_any("toolName");
        self.decision_id = fields.json("enforcement").and_then(decision);
        if self.span_id.len() > SHORT {
            let (field, expected) = ("metadata.spanId", "a text of a reasonable length");
            return Err(InvalidField { field, expected });
        }
        Ok(behind)
    }

    /// The trace's text as it is stored: in place of the agent credential, which is no data, what
    /// it proved.
    #[must_use]
    pub(crate) fn stored_text(&self, text: &str, identity: Option<Identity>) -> String {
        let Some(identity) = identity else {
            return text.to_owned();
        };
        let mut fields: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(text).unwrap_or_default();
        if let Ok(mark) = serde_json::value::to_raw_value(identity.as_str()) {
            fields.insert(CREDENTIAL.to_owned(), mark);
        }
        serde_json::to_string(&fields).unwrap_or_default()
    }

    /// What is known of the agent's identity, of a trace that was stored: `verified`, `unverified`
    /// or `forged` when a credential was sent.
    #[must_use]
    pub(crate) fn identity(&self) -> &str {
        match self.credential.0.as_str() {
            word @ ("verified" | "forged" | "") => word,
            _ => Identity::Unverified.as_str(),
        }
    }

    /// Whether it says that its act had its effect.
    #[must_use]
    pub(crate) fn claims_success(&self) -> bool {
        self.status.trim().eq_ignore_ascii_case("success")
    }

    /// Whether it shows how it knows that.
    #[must_use]
    pub(crate) fn is_confirmed(&self) -> bool {
        confirms(&self.effect_evidence)
    }

    /// Whether it counts as an error of the agent.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        matches!(self.status.as_str(), "error" | "timeout")
    }
}

/// RFC 3339; without an offset it is read as UTC.
fn timestamp(text: &str) -> Result<Option<i64>, InvalidField> {
    if text.is_empty() {
        return Ok(None);
    }
    let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis());
    let without = || {
        text.parse::<NaiveDateTime>()
            .map(|t| t.and_utc().timestamp_millis())
    };
    with_offset
        .or_else(|_| without())
        .ok()
        .filter(|ms| (0..LATEST_MS).contains(ms))
        .map(Some)
        .ok_or(InvalidField {
            field: "timestamp",
            expected: "an RFC 3339 time, such as 2026-01-31T09:30:00.000Z",
        })
}

fn cost(usd: Option<f64>) -> Result<Option<i64>, InvalidField> {
    let Some(usd) = usd else { return Ok(None) };
    if !(0.0..1.0e8).contains(&usd) {
        let (field, expected) = ("costUsd", "a number from 0 to 100 million");
        return Err(InvalidField { field, expected });
    }
    #[allow(clippy::cast_possible_truncation, reason = "the range was checked")]
    Ok(Some((usd * 1.0e9).round() as i64))
}

/// What is no text is no credential anybody made.
fn credential(json: Option<&str>) -> Credential {
    let read = |json: &str| serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
    Credential(json.map(read).unwrap_or_default())
}

fn decision(enforcement: &str) -> Option<DecisionId> {
    let source = Fields::of(enforcement)?.text_if_any("source");
    source.strip_prefix("writ:")?.parse().ok()
}

#[cfg(test)]
mod tests;
