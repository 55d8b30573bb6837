//! What a baseline is and how it is replaced: functions of values.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use writ_contract::wire;

use crate::error::Refusal;

const TOOLS: usize = 500;
const NAME: usize = 256;
const HASH: usize = 128;
const DESCRIPTION: usize = 16 * 1024;
const REASON: usize = 1_000;
/// Bytes of all tools in the fact: it has to fit into one message of the log.
const FACT: usize = 128 * 1024;
/// Reasons that are words of the contract; any other is the operator's own.
const REASONS: [&str; 2] = ["manual", "baseline_update"];

/// The tools pinned for one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Whose tools.
    pub agent_id: Uuid,
    /// In the order of server and name.
    pub tools: Vec<Tool>,
    /// False when nothing is pinned, which is not the same as an empty set.
    pub is_pinned: bool,
    /// Why it was pinned.
    pub reason: String,
    /// Who did.
    pub actor: String,
    /// Dense from 1; 0 when nothing was ever pinned.
    pub version: u64,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// One pinned tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PinnedTool")]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// The server that offers it; empty when it is local.
    pub server: String,
    /// Its name.
    pub tool: String,
    /// Digest of its definition, as the client computes it.
    pub descriptor_hash: String,
    /// What the model is told about it; never in a fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Digest of the description: as it was sent, else SHA-256 in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description_hash: Option<String>,
}

/// Tools to be pinned.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "BaselineBody")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    descriptors: Vec<Descriptor>,
    #[serde(default)]
    reason: Option<String>,
}

/// A tool as its framework describes it: whatever else it says is covered by the digest.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(rename = "PinnedDescriptor")]
#[serde(default, rename_all = "camelCase")]
struct Descriptor {
    server: Option<String>,
    tool: Option<String>,
    descriptor_hash: Option<String>,
    description: Option<String>,
    description_hash: Option<String>,
}

impl Pin {
    /// Why, `manual` when nobody says.
    pub(super) fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or("manual")
    }

    /// The tools in order, each once.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every wrong field.
    pub(super) fn checked(&self) -> Result<Vec<Tool>, Refusal> {
        let mut problems = Vec::new();
        if self.descriptors.len() > TOOLS {
            problems.push(format!("descriptors: at most {TOOLS}"));
        }
        if self.reason().chars().count() > REASON {
            problems.push(format!("reason: at most {REASON} characters"));
        }
        let mut tools: HashMap<(String, String), Tool> = HashMap::new();
        for (at, descriptor) in self.descriptors.iter().enumerate() {
            problems.extend(descriptor.problems(at));
            let tool = descriptor.tool();
            let key = (tool.server.clone(), tool.tool.clone());
            if tools
                .insert(key, tool.clone())
                .is_some_and(|earlier| earlier != tool)
            {
                problems.push(format!(
                    "descriptors[{at}]: another one has this server and tool"
                ));
            }
        }
        let mut tools: Vec<Tool> = tools.into_values().collect();
        if tools.iter().map(Tool::bytes).sum::<usize>() > FACT {
            problems.push(format!("descriptors: at most {FACT} bytes together"));
        }
        if !problems.is_empty() {
            problems.truncate(20);
            return Err(Refusal::Invalid(problems));
        }
        tools.sort_unstable_by(|a, b| (&a.server, &a.tool).cmp(&(&b.server, &b.tool)));
        Ok(tools)
    }
}

impl Descriptor {
    fn problems(&self, at: usize) -> Vec<String> {
        let length = |text: &Option<String>| text.as_ref().map_or(0, |text| text.chars().count());
        let wrong = [
            (
                "server",
                length(&self.server) > NAME,
                format!("at most {NAME} characters"),
            ),
            (
                "tool",
                !(1..=NAME).contains(&length(&self.tool)),
                format!("1 to {NAME} characters"),
            ),
            (
                "descriptorHash",
                !(1..=HASH).contains(&length(&self.descriptor_hash)),
                format!("1 to {HASH} characters"),
            ),
            (
                "descriptionHash",
                length(&self.description_hash) > HASH,
                format!("at most {HASH} characters"),
            ),
            (
                "description",
                length(&self.description) > DESCRIPTION,
                format!("at most {DESCRIPTION} characters"),
            ),
        ];
        let named = |(field, _, text)| format!("descriptors[{at}].{field}: {text}");
        wrong
            .into_iter()
            .filter(|(_, wrong, _)| *wrong)
            .map(named)
            .collect()
    }

    fn tool(&self) -> Tool {
        let hashed = |text: &String| hex::encode(Sha256::digest(text));
        let description_hash = self.description_hash.clone();
        Tool {
            server: self.server.clone().unwrap_or_default(),
            tool: self.tool.clone().unwrap_or_default(),
            descriptor_hash: self.descriptor_hash.clone().unwrap_or_default(),
            description: self.description.clone(),
            description_hash: description_hash.or_else(|| self.description.as_ref().map(hashed)),
        }
    }
}

impl Tool {
    fn bytes(&self) -> usize {
        let hash = self.description_hash.as_ref().map_or(0, String::len);
        self.server.len() + self.tool.len() + self.descriptor_hash.len() + hash
    }
}

impl Baseline {
    /// Nothing was ever pinned.
    #[must_use]
    pub fn none(agent_id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            agent_id,
            tools: Vec::new(),
            is_pinned: false,
            reason: String::new(),
            actor: String::new(),
            version: 0,
            updated_at: now,
        }
    }

    /// With this set in place of the last; `None` when it is the last.
    #[must_use]
    pub fn pinned(
        &self,
        tools: Vec<Tool>,
        reason: &str,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        (!self.is_pinned || self.tools != tools).then(|| Self {
            tools,
            is_pinned: true,
            reason: reason.to_owned(),
            actor: actor.to_owned(),
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// With nothing pinned; `None` when nothing is.
    #[must_use]
    pub fn removed(&self, actor: &str, now: DateTime<Utc>) -> Option<Self> {
        self.is_pinned.then(|| Self {
            tools: Vec::new(),
            is_pinned: false,
            reason: String::new(),
            actor: actor.to_owned(),
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        })
    }

    /// A stable word for the audit; an operator's own words stay in the row.
    pub(super) fn reason_code(&self) -> &'static str {
        let known = REASONS.into_iter().find(|word| *word == self.reason);
        known.unwrap_or_default()
    }

    /// The fact that states it.
    #[must_use]
    pub fn fact(&self) -> wire::Baseline {
        let tool = |tool: &Tool| wire::PinnedTool {
            server: tool.server.clone(),
            tool: tool.tool.clone(),
            descriptor_hash: tool.descriptor_hash.clone(),
            description_hash: tool.description_hash.clone().unwrap_or_default(),
        };
        wire::Baseline {
            agent_id: self.agent_id.as_bytes().to_vec(),
            tools: self.tools.iter().map(tool).collect(),
            removed: !self.is_pinned,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pin(descriptors: Value) -> Result<Vec<Tool>, Refusal> {
        let body = json!({"descriptors": descriptors, "reason": "manual"});
        serde_json::from_value::<Pin>(body).unwrap().checked()
    }

    #[test]
    fn a_description_is_kept_by_its_digest_whichever_of_the_two_was_sent() {
        let sent = json!([
            {"server": "s", "tool": "b", "descriptorHash": "1", "description": "abc"},
            {"server": null, "tool": "a", "descriptorHash": "2", "descriptionHash": "9", "inputSchema": {}},
        ]);
        let tools = pin(sent).unwrap();
        let hashes: Vec<_> = tools
            .iter()
            .map(|t| t.description_hash.as_deref())
            .collect();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashes, [Some("9"), Some(abc)]);
        let pinned = Baseline::none(Uuid::nil(), DateTime::UNIX_EPOCH);
        let pinned = pinned.pinned(tools, "manual", "key:1", DateTime::UNIX_EPOCH);
        assert!(!format!("{:?}", pinned.unwrap().fact()).contains("\"abc\""));
    }

    #[test]
    fn every_wrong_field_is_named_and_one_tool_has_one_digest() {
        let sent = json!([
            {"tool": "a", "descriptorHash": "1"},
            {"tool": "a", "descriptorHash": "2"},
            {"descriptorHash": "x".repeat(200)},
        ]);
        let refused = pin(sent).unwrap_err().to_string();
        for field in [
            "descriptors[1]:",
            "descriptors[2].tool:",
            "descriptors[2].descriptorHash:",
        ] {
            assert!(refused.contains(field), "{field} in {refused}");
        }
    }

    #[test]
    fn the_fact_of_the_largest_set_fits_into_a_message() {
        let tool = |n: usize| json!({"server": "s", "tool": format!("{n:0>190}"), "descriptorHash": "h".repeat(64)});
        let tools: Vec<Value> = (0..500).map(tool).collect();
        let tools = pin(Value::Array(tools)).unwrap();
        let none = Baseline::none(Uuid::nil(), DateTime::UNIX_EPOCH);
        let full = none.pinned(tools, "", "", DateTime::UNIX_EPOCH).unwrap();
        assert!(prost::Message::encoded_len(&full.fact()) < writ_pg::FACT_BYTES);
        assert!(
            full.removed("", DateTime::UNIX_EPOCH)
                .unwrap()
                .fact()
                .removed
        );
    }

    #[test]
    fn the_same_set_again_is_no_change_and_an_empty_set_is_one() {
        let none = Baseline::none(Uuid::nil(), DateTime::UNIX_EPOCH);
        assert_eq!(none.removed("k", DateTime::UNIX_EPOCH), None);
        let empty = none
            .pinned(Vec::new(), "manual", "k", DateTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!((empty.version, empty.is_pinned), (1, true));
        assert_eq!(
            empty.pinned(Vec::new(), "manual", "k", DateTime::UNIX_EPOCH),
            None
        );
    }
}
