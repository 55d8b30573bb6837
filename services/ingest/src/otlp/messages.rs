//! What went into a model or a tool and what came out, in the places where it has been put over the
//! years: attributes, numbered attributes, events.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Map, Value};

use super::attributes::{Attributes, object};

/// One side of a call.
pub(super) struct Side {
    /// The whole in one attribute, best first.
    whole: &'static [&'static str],
    /// Media type of the attribute before it.
    media_type: &'static str,
    /// Beginnings of numbered attributes: `<beginning>.0.content`.
    numbered: &'static [&'static str],
    /// Events, each one message.
    events: &'static [&'static str],
}

pub(super) const INPUT: Side = Side {
    whole: &[
        "gen_ai.prompt",
        "gen_ai.input.messages",
        "gen_ai.tool.call.arguments",
        "input.value",
        "tool.parameters",
    ],
    media_type: "input.mime_type",
    numbered: &["gen_ai.prompt", "llm.input_messages"],
    events: &[
        "gen_ai.content.prompt",
        "gen_ai.system.message",
        "gen_ai.user.message",
        "gen_ai.assistant.message",
        "gen_ai.tool.message",
    ],
};

pub(super) const OUTPUT: Side = Side {
    whole: &[
        "gen_ai.completion",
        "gen_ai.output.messages",
        "gen_ai.tool.call.result",
        "output.value",
    ],
    media_type: "output.mime_type",
    numbered: &["gen_ai.completion", "llm.output_messages"],
    events: &["gen_ai.content.completion", "gen_ai.choice"],
};

impl Side {
    /// What is found first, which is taken; events are only read.
    pub(super) fn take(&self, attributes: &mut Attributes<'_>, span: &Span) -> Option<Value> {
        if let Some(whole) = attributes.any(self.whole) {
            return Some(self.structured(attributes, whole));
        }
        let numbered = self
            .numbered
            .iter()
            .find_map(|start| numbered(attributes, start));
        numbered.or_else(|| self.events(span))
    }

    /// Structures arrive as the JSON text of a list, or of whatever the media type says.
    fn structured(&self, attributes: &mut Attributes<'_>, whole: Value) -> Value {
        let json = attributes.says(self.media_type, "application/json");
        attributes.own.remove(self.media_type);
        let Some(text) = whole.as_str() else {
            return whole;
        };
        let listed = text.trim_start().starts_with('[');
        match serde_json::from_str::<Value>(text) {
            Ok(value) if json || (listed && value.is_array()) => value,
            Ok(_) | Err(_) => whole,
        }
    }

    fn events(&self, span: &Span) -> Option<Value> {
        let told = span
            .events
            .iter()
            .filter(|it| self.events.contains(&it.name.as_str()));
        let messages: Vec<Value> = told.map(|it| object(&it.attributes).into()).collect();
        (!messages.is_empty()).then(|| messages.into())
    }
}

/// `<start>.<n>.<field>` for n = 0, 1, … as a list of objects.
fn numbered(attributes: &mut Attributes<'_>, start: &str) -> Option<Value> {
    let place = |name: &str| {
        let rest = name.strip_prefix(start)?.strip_prefix('.')?;
        let (number, field) = rest.split_once('.')?;
        Some((number.parse::<u32>().ok()?, field.to_owned()))
    };
    let names: Vec<String> = attributes
        .own
        .keys()
        .filter(|name| place(name).is_some())
        .cloned()
        .collect();
    let mut found: std::collections::BTreeMap<u32, Map<String, Value>> = Default::default();
    for name in names {
        if let (Some((number, field)), Some(value)) = (place(&name), attributes.own.remove(&name)) {
            let field = field.strip_prefix("message.").unwrap_or(&field).to_owned();
            found.entry(number).or_default().insert(field, value);
        }
    }
    (!found.is_empty()).then(|| found.into_values().map(Value::Object).collect())
}
