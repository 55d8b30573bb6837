//! The table of endpoints as an OpenAPI document.

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{Answer, Content, Input};
use crate::routes::{Access, Endpoint, PREFIXES};

const REFUSALS: [(&str, &str); 9] = [
    (
        "400",
        "The request does not say what it should; the message names every wrong field.",
    ),
    ("401", "No key, or one that does not hold."),
    ("403", "The key may not do this."),
    (
        "404",
        "There is no such thing in the organization of the key.",
    ),
    ("412", "It is no longer as `If-Match` says."),
    ("413", "The body is too large."),
    ("422", "The `Idempotency-Key` was used for another request."),
    (
        "429",
        "Too many calls with this key; `Retry-After` says when to try again.",
    ),
    ("default", "Any other refusal."),
];

/// What keeps a table from being a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A route without a summary.
    #[error("{0}: says nothing of itself; add `.says(\"Verb noun\", …)` after it")]
    Silent(String),
    /// A route that never answers.
    #[error("{0}: no answer is declared; add `.answers::<T>(200)` after it")]
    Unanswered(String),
    /// Two routes would be one function of a client.
    #[error("{0}: another route has this operation id; give it another summary")]
    SameName(String),
    /// Two types have one name.
    #[error("schema `{0}` stands for two shapes; rename one with #[schemars(rename = \"…\")]")]
    TwoShapes(String),
}

/// The document of these endpoints: OpenAPI 3.1.
///
/// # Errors
/// Everything that is missing or said twice.
pub fn document<'a>(
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
) -> Result<Value, Vec<Problem>> {
    let mut paths: Map<String, Value> = Map::new();
    let (mut problems, mut names, mut tags) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let mut schemas = Schemas::new();
    for endpoint in endpoints {
        problems.extend(missing(endpoint));
        let operation = operation(endpoint, &mut schemas);
        let name = operation_id(endpoint.said.summary);
        if !names.insert(name.clone()) {
            problems.push(Problem::SameName(format!("{endpoint} ({name})")));
        }
        tags.insert(tag(&endpoint.path).to_owned());
        let methods = paths.entry(full_path(endpoint)).or_insert(json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(endpoint.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let schemas = schemas.finish(&mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let tags: Vec<Value> = tags.iter().map(|name| json!({ "name": name })).collect();
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Writ",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Decides whether an AI agent may act, before it acts. Every route below \
                /api/v1 answers below /api too. Lists are pages: pass `nextCursor` on as `cursor` \
                until it is null.",
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An API key." },
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            },
        },
    }))
}

fn missing(endpoint: &Endpoint) -> impl Iterator<Item = Problem> {
    let silent = endpoint.said.summary.is_empty();
    let unanswered = endpoint.said.answers.is_empty();
    [
        silent.then(|| Problem::Silent(endpoint.to_string())),
        unanswered.then(|| Problem::Unanswered(endpoint.to_string())),
    ]
    .into_iter()
    .flatten()
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let said = &endpoint.said;
    let mut input = Input::new(&endpoint.method, &mut schemas.asked);
    for name in path_parameters(&endpoint.path) {
        input.path(name);
    }
    (said.parts)(&mut input);
    if let Some(takes) = said.takes {
        takes(&mut input);
    }
    if let Access::Role(_) | Access::Approver = endpoint.access {
        input.refusals.extend([401, 403, 429]);
    }
    let (parameters, body, refusals) = (input.parameters, input.body, input.refusals);
    let mut operation = json!({
        "operationId": operation_id(said.summary),
        "summary": said.summary,
        "tags": [tag(&endpoint.path)],
        "description": description(endpoint),
        "security": security(endpoint.access),
        "responses": responses(&said.answers, &refusals, &mut schemas.answered),
    });
    if let Some(fields) = operation.as_object_mut() {
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = body {
            fields.insert("requestBody".to_owned(), body);
        }
    }
    operation
}

fn description(endpoint: &Endpoint) -> String {
    let needs = match endpoint.access {
        Access::Public => "Needs no credentials.".to_owned(),
        Access::Role(role) => format!("Needs the role `{role}` or a higher one."),
        Access::Approver => "Needs the role `admin`, or the right to decide approvals.".to_owned(),
        Access::Deferred => String::new(),
    };
    format!("{}\n\n{needs}", endpoint.said.more)
        .trim()
        .to_owned()
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Role(_) | Access::Approver | Access::Deferred => {
            json!([{ "bearer": [] }, { "apiKey": [] }])
        }
    }
}

fn responses(
    answers: &[Answer],
    refusals: &BTreeSet<u16>,
    schemas: &mut SchemaGenerator,
) -> Map<String, Value> {
    let shared = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    let mut all = Map::new();
    for status in refusals {
        all.insert(status.to_string(), shared(&status.to_string()));
    }
    all.insert("default".to_owned(), shared("default"));
    for answer in answers {
        let (media, schema) = match answer.content {
            Content::Json(shape) => ("application/json", shape(schemas).to_value()),
            Content::Other(media @ "application/json") => (media, json!({ "type": "object" })),
            Content::Other(media) => (media, json!({ "type": "string" })),
        };
        let description = match answer.status {
            200 => "As asked.",
            201 => "Made by this request.",
            202 => "Taken on.",
            _ => "Refused.",
        };
        let status = answer.status.to_string();
        // A route may send the same in several forms.
        let known = all.get(&status).and_then(|said| said.get("content"));
        let mut content = known
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        content.insert(media.to_owned(), json!({ "schema": schema }));
        all.insert(
            status,
            json!({ "description": description, "content": content }),
        );
    }
    all
}

/// The answers that refuse, which all routes share.
fn refusals() -> Value {
    let named = REFUSALS.map(|(name, why)| {
        let schema = json!({ "$ref": "#/components/schemas/Error" });
        let content = json!({ "application/json": { "schema": schema } });
        (
            name.to_owned(),
            json!({ "description": why, "content": content }),
        )
    });
    Value::Object(named.into_iter().collect())
}

/// `List agents` → `listAgents`; articles are left out.
fn operation_id(summary: &str) -> String {
    let words = summary
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !["", "a", "an", "the"].contains(word));
    let mut name = String::new();
    for word in words {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| {
            if name.is_empty() {
                letter.to_ascii_lowercase()
            } else {
                letter.to_ascii_uppercase()
            }
        });
        name.extend(first);
        name.extend(letters);
    }
    name
}

fn tag(path: &str) -> &str {
    path.split('/')
        .map(|part| part.trim_start_matches('.'))
        .find(|part| !part.is_empty())
        .unwrap_or("server")
}

fn full_path(endpoint: &Endpoint) -> String {
    let prefix = if endpoint.unprefixed { "" } else { PREFIXES[0] };
    // A rest of a path is one parameter to a client.
    format!("{prefix}{}", endpoint.path.replace("{*", "{"))
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.trim_start_matches('*'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_named_by_its_summary_without_articles() {
        assert_eq!(operation_id("List agents"), "listAgents");
        assert_eq!(
            operation_id("Rotate the secret of a webhook"),
            "rotateSecretOfWebhook"
        );
    }

    #[test]
    fn parameters_of_a_path_are_its_braces() {
        let names: Vec<_> = path_parameters("/agents/{id}/grants/{grantId}").collect();
        assert_eq!(names, ["id", "grantId"]);
        assert_eq!(path_parameters("/tile/{*path}").next(), Some("path"));
    }
}
