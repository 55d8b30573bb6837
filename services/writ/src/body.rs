//! Bodies of requests: a file of JSON, and flags that stand over its fields.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::target;

/// `--body`, where a command has flags for the fields.
#[derive(Args)]
pub(crate) struct BodyArg {
    /// The body as JSON, from a file or - for standard input; flags stand over it
    #[arg(id = "body-file", long = "body", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The fields of a body.
#[derive(Default)]
pub(crate) struct Body(Map<String, Value>);

impl BodyArg {
    /// What the file says.
    pub(crate) fn read(&self) -> Result<Body, Failure> {
        fields(self.file.as_deref()).map(Body)
    }
}

impl Body {
    /// A field, when it was given.
    pub(crate) fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        let value = value.map(|value| (name.to_owned(), value.into()));
        self.0.extend(value);
    }

    /// A field with several values, when any was given.
    pub(crate) fn put_all(&mut self, name: &str, values: Vec<String>) {
        self.put(name, (!values.is_empty()).then_some(values));
    }

    /// A switch, when it was set.
    pub(crate) fn put_set(&mut self, name: &str, is_set: bool) {
        self.put(name, is_set.then_some(true));
    }

    /// What a field is when neither a flag nor the file says.
    pub(crate) fn put_default(&mut self, name: &str, value: &str) {
        self.0.entry(name).or_insert_with(|| value.into());
    }

    /// The whole.
    pub(crate) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// The fields of the JSON object in a file, or in standard input for `-`; none without a file.
pub(crate) fn fields(file: Option<&Path>) -> Result<Map<String, Value>, Failure> {
    let Some(file) = file else {
        return Ok(Map::new());
    };
    serde_json::from_str(&target::read(file)?)
        .map_err(|wrong| Failure::Usage(format!("--body: not a JSON object: {wrong}")))
}
