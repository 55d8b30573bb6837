//! Reading the API's document.

use std::collections::BTreeSet;

use serde_json::Value;

/// As `make gen` writes it.
const DOCUMENT: &str = include_str!("../../../../schemas/openapi.json");
const PREFIX: &str = "/api/v1/";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One route.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) tag: String,
    /// In capitals.
    pub(super) method: String,
    /// Segments below the prefix; parameters in braces.
    pub(super) path: Vec<String>,
    pub(super) parameters: Vec<Field>,
    /// The fields of its body, if it takes one.
    pub(super) body: Option<Vec<Field>>,
    pub(super) paged: bool,
}

/// Something a caller may give.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    /// `path`, `query`, `header` or `body`.
    pub(super) place: String,
    pub(super) required: bool,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) help: String,
}

/// How its value is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    OneOf(Vec<String>),
    Texts,
    Json,
}

/// Every route under the prefix that answers JSON.
pub(super) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
    let paths = document.get("paths").and_then(Value::as_object);
    let mut all = Vec::new();
    for (path, methods) in paths.into_iter().flatten() {
        let Some(path) = path.strip_prefix(PREFIX) else {
            continue;
        };
        for method in METHODS {
            let operation = methods.get(method);
            all.extend(operation.and_then(|it| read(&document, path, method, it)));
        }
    }
    all
}

fn read(document: &Value, path: &str, method: &str, operation: &Value) -> Option<Operation> {
    let answer = ["200", "201", "202"]
        .iter()
        .find_map(|status| operation.pointer(&format!("/responses/{status}/content")))?;
    let answer = answer.pointer("/application~1json/schema")?;
    let listed = operation.get("parameters").and_then(Value::as_array);
    let parameters = listed
        .into_iter()
        .flatten()
        .map(|it| parameter(document, it));
    let parameters: Vec<Field> = parameters.collect();
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    // What can be said in two places is said in the first.
    let unsaid = |field: &Field| parameters.iter().all(|other| other.name != field.name);
    let fields = |schema| {
        fields(document, schema)
            .into_iter()
            .filter(unsaid)
            .collect()
    };
    Some(Operation {
        id: text(operation, "operationId"),
        summary: text(operation, "summary"),
        description: text(operation, "description"),
        tag: operation.pointer("/tags/0")?.as_str()?.to_owned(),
        method: method.to_ascii_uppercase(),
        path: path.split('/').map(str::to_owned).collect(),
        body: body.map(fields),
        parameters,
        paged: resolved(document, answer)
            .pointer("/properties/nextCursor")
            .is_some(),
    })
}

fn parameter(document: &Value, parameter: &Value) -> Field {
    let required = parameter.get("required") == Some(&Value::Bool(true));
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    Field {
        place: text(parameter, "in"),
        help: text(parameter, "description"),
        ..field(document, &text(parameter, "name"), schema, required)
    }
}

fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let schema = resolved(document, schema);
    let required: BTreeSet<&str> = strings(schema, "required").collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    let read = |(name, schema): (&String, &Value)| {
        field(document, name, schema, required.contains(name.as_str()))
    };
    properties.map(read).collect()
}

fn field(document: &Value, name: &str, schema: &Value, required: bool) -> Field {
    let whole = resolved(document, schema);
    let choices = whole.get("anyOf").and_then(Value::as_array);
    let mut choices = choices
        .into_iter()
        .flatten()
        .map(|it| resolved(document, it));
    let inner = choices.find(|it| it.get("type").is_none_or(|kind| kind != "null"));
    let types: Vec<&str> = strings(whole, "type").collect();
    Field {
        name: name.to_owned(),
        place: "body".to_owned(),
        required,
        kind: kind(document, inner.unwrap_or(whole)),
        nullable: inner.is_some() || types.contains(&"null"),
        help: text(schema, "description"),
    }
}

fn kind(document: &Value, schema: &Value) -> Kind {
    let words: Vec<String> = strings(schema, "enum").map(str::to_owned).collect();
    if !words.is_empty() {
        return Kind::OneOf(words);
    }
    let items = schema.get("items").map(|items| resolved(document, items));
    match strings(schema, "type").find(|kind| *kind != "null") {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Whole,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Truth,
        Some("array") if items.and_then(|it| it.get("type")) == Some(&"string".into()) => {
            Kind::Texts
        }
        Some(_) | None => Kind::Json,
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let named = schema.get("$ref").and_then(Value::as_str);
    let pointer = named.and_then(|named| named.strip_prefix('#'));
    let found = pointer.and_then(|pointer| document.pointer(pointer));
    found.unwrap_or(schema)
}

/// A list of words, or one.
fn strings<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    let value = of.get(field);
    let one = value.and_then(Value::as_str);
    let list = value.and_then(Value::as_array).into_iter().flatten();
    one.into_iter().chain(list.filter_map(Value::as_str))
}

fn text(of: &Value, field: &str) -> String {
    let text = of.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}
