//! What an agent is about to do.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Map, Value};

use crate::proto::EnforceRequest;

/// One act. Fields that are not here are in [`EnforceRequest`]; make the act of one with `from`.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Act {
    request: EnforceRequest,
}

impl Act {
    /// An act in `production`. `agent` is the application's id of the agent, or its UUID; `input` is
    /// the prompt, the arguments as text, or `tool:<name>`.
    pub fn new(agent: impl Into<String>, input: impl Into<String>) -> Self {
        let request = EnforceRequest {
            agent_id: agent.into(),
            input: input.into(),
            environment: "production".to_owned(),
            ..EnforceRequest::default()
        };
        Self { request }
    }

    /// Where it happens.
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.request.environment = environment.into();
        self
    }

    /// A tool it uses; may be said several times.
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.request.tools.push(name.into());
        self
    }

    /// What it is expected to cost, in US dollars.
    pub fn cost(mut self, usd: f64) -> Self {
        self.request.estimated_cost = Some(usd);
        self
    }

    /// The application's session.
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.request.session_id = id.into();
        self
    }

    /// Asks for an approval, also where no policy holds the act.
    pub fn require_approval(mut self) -> Self {
        self.request.require_approval = true;
        self
    }

    /// Whatever else policies look at.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.request.metadata = Some(object(metadata));
        self
    }

    pub(crate) fn into_request(self) -> EnforceRequest {
        self.request
    }
}

impl From<EnforceRequest> for Act {
    fn from(request: EnforceRequest) -> Self {
        Self { request }
    }
}

fn object(fields: Map<String, Value>) -> Struct {
    let fields = fields.into_iter().map(|(name, field)| (name, value(field)));
    Struct {
        fields: fields.collect::<BTreeMap<_, _>>(),
    }
}

fn value(from: Value) -> prost_types::Value {
    let kind = match from {
        Value::Null => Kind::NullValue(0),
        Value::Bool(yes) => Kind::BoolValue(yes),
        Value::Number(number) => match number.as_f64() {
            Some(number) => Kind::NumberValue(number),
            None => Kind::StringValue(number.to_string()),
        },
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(value).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(object(fields)),
    };
    prost_types::Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_of_any_json_is_sent() {
        let json = json!({"a": [1, true, null, "x", {"b": 0.5}]});
        let Value::Object(fields) = json else {
            panic!("an object");
        };
        let act = Act::new("bot", "hello").tool("mail.send").metadata(fields);
        let request = act.into_request();
        assert_eq!(
            (request.environment.as_str(), request.tools.len()),
            ("production", 1)
        );
        let sent = request.metadata.unwrap();
        let Some(Kind::ListValue(list)) = &sent.fields["a"].kind else {
            panic!("{sent:?}");
        };
        assert_eq!(list.values[0].kind, Some(Kind::NumberValue(1.0)));
        assert_eq!(list.values[2].kind, Some(Kind::NullValue(0)));
        assert!(matches!(&list.values[4].kind, Some(Kind::StructValue(_))));
    }
}
