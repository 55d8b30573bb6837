//! From arguments to a request.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::Value;

use super::command::{BODY, LIMIT, id};
use super::document::{Field, Kind, Operation};
use super::names;
use crate::api::Request;
use crate::body;
use crate::failure::Failure;

/// The flag that says where the key is sent.
const SERVER: &str = "url";

/// What the arguments ask for.
pub(super) fn of(operation: &Operation, matches: &ArgMatches) -> Result<Request, Failure> {
    is_meant(operation, matches)?;
    let given = |field: &Field| {
        matches
            .try_get_one::<String>(&id(field))
            .ok()
            .flatten()
            .cloned()
    };
    let mut request = Request {
        method: operation.method.clone(),
        path: operation.path.clone(),
        limit: matches
            .try_get_one(LIMIT)
            .ok()
            .flatten()
            .copied()
            .unwrap_or_default(),
        ..Request::default()
    };
    for field in &operation.parameters {
        let Some(value) = given(field) else { continue };
        match field.place.as_str() {
            "path" => fill(&mut request.path, &field.name, &value),
            "header" => request.headers.push((field.name.clone(), value)),
            _ => request.query.push((field.name.clone(), value)),
        }
    }
    if let Some(fields) = &operation.body {
        request.body = body(operation, fields, matches)?;
    }
    Ok(request)
}

/// Whoever gives `--url` to a command whose body has a field of that name may mean the field: the
/// key is not sent there.
fn is_meant(operation: &Operation, matches: &ArgMatches) -> Result<(), Failure> {
    let fields = operation.body.iter().flatten();
    let doubtful = fields
        .map(|field| &field.name)
        .find(|name| names::plain(name) == SERVER);
    let given = || matches.value_source(SERVER) == Some(ValueSource::CommandLine);
    let Some(name) = doubtful.filter(|_| given()) else {
        return Ok(());
    };
    let flag = names::flag(name, &operation.tag);
    Err(Failure::Usage(format!(
        "--{SERVER} would be Writ's own address: give --{flag} for the field `{name}`, and \
         WRIT_URL or --context for the server"
    )))
}

fn fill(path: &mut [String], name: &str, value: &str) {
    for part in path {
        if *part == format!("{{{name}}}") {
            value.clone_into(part);
        }
    }
}

/// The file's fields with those of the flags over them; none when nothing was given.
fn body(
    operation: &Operation,
    fields: &[Field],
    matches: &ArgMatches,
) -> Result<Option<Value>, Failure> {
    let file = matches.try_get_one::<PathBuf>(BODY).ok().flatten();
    let mut body = body::fields(file.map(PathBuf::as_path))?;
    for field in fields {
        let values = matches.try_get_many::<String>(&id(field)).ok().flatten();
        let values: Vec<&String> = values.into_iter().flatten().collect();
        if !values.is_empty() {
            body.insert(field.name.clone(), value(field, &values)?);
        } else if field.required && !body.contains_key(&field.name) {
            let flag = names::flag(&field.name, &operation.tag);
            let why = format!("{} is required: as --{flag} or in --body", field.name);
            return Err(Failure::Usage(why));
        }
    }
    Ok(Some(Value::Object(body)))
}

fn value(field: &Field, given: &[&String]) -> Result<Value, Failure> {
    let Some(text) = given.first() else {
        return Ok(Value::Null);
    };
    if field.nullable && text.as_str() == "null" {
        return Ok(Value::Null);
    }
    let read = || {
        let read: Result<Value, _> = serde_json::from_str(text);
        let shown = &field.name;
        read.map_err(|wrong| Failure::Usage(format!("{shown}: `{text}` is not JSON: {wrong}")))
    };
    let fits = |value: &Value| match field.kind {
        Kind::Whole => value.is_i64() || value.is_u64(),
        Kind::Number => value.is_number(),
        Kind::Text | Kind::Truth | Kind::OneOf(_) | Kind::Texts | Kind::Json => true,
    };
    match field.kind {
        Kind::Text | Kind::OneOf(_) => Ok(Value::String((*text).clone())),
        Kind::Texts => Ok(given
            .iter()
            .map(|text| Value::String((*text).clone()))
            .collect()),
        // What is no JSON is a text, where any JSON is taken.
        Kind::Json => Ok(read().unwrap_or_else(|_| Value::String((*text).clone()))),
        Kind::Whole | Kind::Number | Kind::Truth => {
            let value = read()?;
            fits(&value)
                .then_some(value)
                .ok_or_else(|| Failure::Usage(format!("{}: `{text}` is not a number", field.name)))
        }
    }
}
