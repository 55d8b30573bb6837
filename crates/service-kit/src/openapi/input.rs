//! What a request may carry, as it is collected from the arguments of a handler.

use std::collections::BTreeSet;

use http::Method;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The request half of an operation under construction.
#[derive(Debug)]
pub struct Input<'a> {
    method: &'a Method,
    schemas: &'a mut SchemaGenerator,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) refusals: BTreeSet<u16>,
}

impl<'a> Input<'a> {
    pub(super) fn new(method: &'a Method, schemas: &'a mut SchemaGenerator) -> Self {
        Self {
            method,
            schemas,
            parameters: Vec::new(),
            body: None,
            refusals: BTreeSet::new(),
        }
    }

    /// Whether the request changes something.
    #[must_use]
    pub fn writes(&self) -> bool {
        *self.method != Method::GET
    }

    /// Every field of `T` as a parameter of the query.
    pub fn query<T: JsonSchema>(&mut self) {
        self.refuses(400);
        let mut shape = T::json_schema(self.schemas).to_value();
        let required: BTreeSet<String> = strings(&shape, "required").collect();
        let Some(fields) = shape.get_mut("properties").and_then(Value::as_object_mut) else {
            return;
        };
        for (name, schema) in std::mem::take(fields) {
            self.parameter("query", &name, required.contains(&name), schema);
        }
    }

    /// An optional header of the request.
    pub fn header(&mut self, name: &str, description: &str) {
        let schema = json!({ "type": "string", "description": description });
        self.parameter("header", name, false, schema);
    }

    /// A JSON body.
    pub fn body<T: JsonSchema>(&mut self, required: bool) {
        self.refuses(400);
        self.refuses(413);
        let schema = self.schemas.subschema_for::<T>();
        self.body = Some(json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        }));
    }

    /// A status that the route may refuse a request with.
    pub fn refuses(&mut self, status: u16) {
        self.refusals.insert(status);
    }

    pub(super) fn path(&mut self, name: &str) {
        self.refuses(404);
        self.parameter("path", name, true, json!({ "type": "string" }));
    }

    /// A parameter is there or not; it is never null.
    fn parameter(&mut self, place: &str, name: &str, required: bool, schema: Value) {
        let mut schema: Map<String, Value> = serde_json::from_value(schema).unwrap_or_default();
        let description = schema.remove("description");
        schema.remove("default");
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        let mut parameter = json!({
            "in": place, "name": name, "required": required, "schema": schema,
        });
        if let (Some(text), Some(fields)) = (description, parameter.as_object_mut()) {
            fields.insert("description".to_owned(), text);
        }
        self.parameters.push(parameter);
    }
}

fn strings(of: &Value, field: &str) -> impl Iterator<Item = String> {
    let list = of
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let list: Vec<String> = list.filter_map(Value::as_str).map(str::to_owned).collect();
    list.into_iter()
}
