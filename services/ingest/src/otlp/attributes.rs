//! Attributes as JSON values, taken by the first of several names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Map, Value};

/// Attributes that nobody has taken yet; the span's own stand before its resource's.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    pub(super) own: Map<String, Value>,
    resource: &'a Map<String, Value>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(own: &[KeyValue], resource: &'a Map<String, Value>) -> Self {
        let own = object(own);
        Self { own, resource }
    }

    /// The first of these attributes that is a text with something in it.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<Value> {
        self.first(names, |value| {
            value.as_str().is_some_and(|text| !text.is_empty())
        })
    }

    /// The first of these attributes that is a number from 0.
    pub(super) fn number(&mut self, names: &[&str]) -> Option<Value> {
        self.first(names, |value| {
            value.as_f64().is_some_and(|number| number >= 0.0)
        })
    }

    /// The first of these attributes, whatever it is.
    pub(super) fn any(&mut self, names: &[&str]) -> Option<Value> {
        self.first(names, |_| true)
    }

    /// A resource attribute stays where it is: it is every span's.
    fn first(&mut self, names: &[&str], fits: impl Fn(&Value) -> bool) -> Option<Value> {
        for name in names {
            if self.own.get(*name).is_some_and(&fits) {
                return self.own.remove(*name);
            }
            if let Some(value) = self.resource.get(*name).filter(|value| fits(value)) {
                return Some(value.clone());
            }
        }
        None
    }

    /// Whether the text of an attribute of the span itself is this one.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        self.own.get(name).and_then(Value::as_str) == Some(text)
    }
}

/// Attributes as an object; of two with one name the last stands.
pub(super) fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    let pair = |it: &KeyValue| (it.key.clone(), it.value.as_ref().map_or(Value::Null, value));
    attributes.iter().map(pair).collect()
}

fn value(any: &AnyValue) -> Value {
    match &any.value {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => text.as_str().into(),
        Some(Any::BoolValue(yes)) => (*yes).into(),
        Some(Any::IntValue(number)) => (*number).into(),
        // What JSON has no number for is kept in words.
        Some(Any::DoubleValue(number)) if !number.is_finite() => number.to_string().into(),
        Some(Any::DoubleValue(number)) => (*number).into(),
        Some(Any::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
        Some(Any::ArrayValue(list)) => list.values.iter().map(value).collect(),
        Some(Any::KvlistValue(list)) => object(&list.values).into(),
    }
}
