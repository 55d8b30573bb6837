//! Reading the fields of a JSON object one by one, each kept as the text it was sent in.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A field that does not hold what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}")]
pub(crate) struct InvalidField {
    /// The field's name, as on the wire.
    pub(crate) field: &'static str,
    /// What would have been right.
    pub(crate) expected: &'static str,
}

/// The fields of one object that have not been taken yet. An explicit null is an absent field.
#[derive(Debug)]
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// The text of a field's value.
    pub(super) fn json(&mut self, field: &str) -> Option<&'a str> {
        self.0
            .remove(field)
            .map(RawValue::get)
            .filter(|text| *text != "null")
    }

    /// The text of a field's value, which stays.
    pub(super) fn peek(&self, field: &str) -> Option<&'a str> {
        self.0.get(field).map(|value| value.get())
    }

    /// A text of at most `most` bytes; empty when absent.
    pub(super) fn text(
        &mut self,
        field: &'static str,
        most: usize,
    ) -> Result<String, InvalidField> {
        let expected = "a text of a reasonable length";
        let text: Option<String> = self.read(field, "a text")?;
        let text = text.unwrap_or_default();
        if text.len() > most {
            return Err(InvalidField { field, expected });
        }
        Ok(text)
    }

    /// A text, or empty when the field is absent or something else.
    pub(super) fn text_if_any(&mut self, field: &str) -> String {
        self.json(field)
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default()
    }

    /// A whole number from 0; fractions are cut off.
    pub(super) fn count(&mut self, field: &'static str) -> Result<Option<u64>, InvalidField> {
        let expected = "a number from 0";
        let Some(number) = self.read::<f64>(field, expected)? else {
            return Ok(None);
        };
        if !(0.0..=9.0e15).contains(&number) {
            return Err(InvalidField { field, expected });
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked"
        )]
        Ok(Some(number as u64))
    }

    /// A value of type `T`.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, InvalidField> {
        self.json(field)
            .map(|json| serde_json::from_str(json).map_err(|_| InvalidField { field, expected }))
            .transpose()
    }

    /// What was not taken, as a JSON object; empty when nothing is left.
    pub(super) fn rest(self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}
