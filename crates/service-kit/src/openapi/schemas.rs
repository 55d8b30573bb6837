//! The schemas that operations refer to, of requests and of answers.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::{ReplaceBoolSchemas, transform_subschemas};
use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value, json};

use super::Problem;

/// A request may leave out what an answer always has, so each half has a generator.
pub(super) struct Schemas {
    pub(super) asked: SchemaGenerator,
    pub(super) answered: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12()
                .with(|settings| {
                    settings.definitions_path = "/components/schemas".into();
                    settings.meta_schema = None;
                })
                .with_transform(Plain)
        };
        Self {
            asked: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }

    /// All of them by name. A name that stands for two shapes is a [`Problem`].
    pub(super) fn finish(mut self, problems: &mut Vec<Problem>) -> Map<String, Value> {
        let mut all = self.asked.take_definitions(true);
        for (name, schema) in self.answered.take_definitions(true) {
            match all.get(&name) {
                Some(other) if *other != schema => problems.push(Problem::TwoShapes(name)),
                Some(_) => {}
                None => drop(all.insert(name, schema)),
            }
        }
        // The generator numbers the second type of a name.
        let numbered = |name: &&String| name.ends_with(|last: char| last.is_ascii_digit());
        problems.extend(all.keys().filter(numbered).cloned().map(Problem::TwoShapes));
        all.insert("Error".to_owned(), error());
        all
    }
}

/// Schemas that are `true` become `{}`, which every generator of clients reads.
#[derive(Debug, Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        let mut replace = ReplaceBoolSchemas::default();
        replace.skip_additional_properties = true;
        replace.transform(schema);
        transform_subschemas(self, schema);
    }
}

/// As [`crate::ApiError`] writes it.
fn error() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "Why a request was not answered as asked.",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": text("A stable word, such as `AGENT_NOT_FOUND`."),
                "message": text("What happened and what to do, for the reader."),
                "ref": text("The numbered page of docs/errors, such as `CTL0101`."),
                "requestId": text("The request in the logs of the server."),
            },
        }},
    })
}
