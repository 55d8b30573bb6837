//! The only place that writes: results to standard output, troubles to standard error. Colours
//! only to terminals and not under `NO_COLOR` (anstream decides).

mod progress;

use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde_json::Value;

use crate::failure::{Failure, USAGE};
use crate::policy::yaml;

pub(crate) use progress::{Progress, Unit};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs: what the API gives, as it is.
    Json,
    /// The same, one item a line.
    Jsonl,
    /// The same, as YAML.
    Yaml,
    /// For CI: JUnit XML, of `policy validate` and `policy test`.
    Junit,
}

/// A column: its title and the JSON pointer of its value.
pub(crate) type Column = (&'static str, &'static str);

/// A cell of a list shows this many characters at most.
const WIDEST: usize = 60;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Writes text as it is, with a line end.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    writeln!(anstream::stdout().lock(), "{text}")?;
    Ok(())
}

/// Writes a line with other people's text in it.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    line(&visible(text))
}

/// Writes bytes that are no line of ours: a generated file, a completion script.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// Writes pretty JSON.
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    line(&format!("{value:#}"))
}

/// Writes a list: a table with one row per item, or the list itself.
pub(crate) fn rows(format: Format, items: &[Value], columns: &[Column]) -> Result<(), Failure> {
    match format {
        Format::Jsonl => items.iter().try_for_each(|item| line(&item.to_string())),
        Format::Json | Format::Yaml | Format::Junit => data(format, &Value::Array(items.to_vec())),
        Format::Table if items.is_empty() => note("nothing found"),
        Format::Table => {
            let mut table = plain_table();
            table.set_header(columns.iter().map(|(title, _)| *title));
            for item in items {
                table.add_row(
                    columns
                        .iter()
                        .map(|(_, pointer)| shortened(&cell(item.pointer(pointer)))),
                );
            }
            line(&table.trim_fmt())
        }
    }
}

/// Writes a list whose columns nobody chose: what names a thing, then what is short.
pub(crate) fn found(format: Format, items: &[Value]) -> Result<(), Failure> {
    const FIRST: [&str; 8] = [
        "id",
        "timestamp",
        "agentId",
        "name",
        "type",
        "status",
        "outcome",
        "environment",
    ];
    let fields = items.first().and_then(Value::as_object);
    let long = ["Digest", "Hash", "Uuid", "organizationId"];
    let short = |name: &str, value: &Value| {
        !value.is_object() && !value.is_array() && !long.iter().any(|end| name.ends_with(end))
    };
    let is_first = |name: &str| FIRST.contains(&name);
    let named = FIRST
        .iter()
        .filter(|name| fields.is_some_and(|it| it.contains_key(**name)));
    let others = fields.into_iter().flatten();
    let others = others.filter(|(name, value)| short(name, value) && !is_first(name));
    let names = named.map(|name| (*name).to_owned());
    let names: Vec<String> = names
        .chain(others.map(|(name, _)| name.clone()))
        .take(8)
        .collect();
    if format != Format::Table || items.is_empty() || names.is_empty() {
        return rows(format, items, &[]);
    }
    let mut table = plain_table();
    table.set_header(names.iter().map(|name| name.to_uppercase()));
    for item in items {
        table.add_row(names.iter().map(|name| shortened(&cell(item.get(name)))));
    }
    line(&table.trim_fmt())
}

/// Writes a value for programs.
pub(crate) fn data(format: Format, value: &Value) -> Result<(), Failure> {
    match format {
        Format::Jsonl => line(&value.to_string()),
        Format::Yaml => raw(yaml::write(std::slice::from_ref(value))?.as_bytes()),
        Format::Json | Format::Junit | Format::Table => json(value),
    }
}

impl Format {
    /// Whether a program reads it.
    pub(crate) fn is_data(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Yaml)
    }
}

/// Writes one object: a line per field, or the object itself.
pub(crate) fn object(format: Format, value: &Value) -> Result<(), Failure> {
    match (format, value.as_object()) {
        (Format::Table, Some(fields)) => {
            let mut table = plain_table();
            for (name, field) in fields {
                table.add_row([visible(name), cell(Some(field))]);
            }
            line(&table.trim_fmt())
        }
        (_, _) => data(format, value),
    }
}

/// A line of a check list: `ok` or `problem`, what, and how it is.
pub(crate) fn check(good: bool, what: &str, how: &str) -> Result<(), Failure> {
    let (style, word) = if good { (GOOD, "ok") } else { (BAD, "problem") };
    let text = format!("{:<12} {}", visible(what), visible(how));
    line(&format!("{style}{word:<8}{style:#} {}", text.trim_end()))
}

/// A remark beside the result, to standard error.
pub(crate) fn note(text: &str) -> Result<(), Failure> {
    writeln!(anstream::stderr().lock(), "{}", visible(text))?;
    Ok(())
}

/// One line to standard error and the exit code. That it cannot be written changes nothing.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    if matches!(failure, Failure::Closed) {
        return failure.exit_code();
    }
    let text = visible(&failure.to_string());
    let _unwritten = writeln!(anstream::stderr().lock(), "{BAD}error:{BAD:#} {text}");
    failure.exit_code()
}

/// What clap has to say: help and versions are results, everything else is a usage error.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _unwritten = error.print();
    if error.use_stderr() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

fn plain_table() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => visible(text),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            visible(&words.join(", "))
        }
        Some(other) => other.to_string(),
    }
}

fn shortened(text: &str) -> String {
    let mut kept: String = text.chars().take(WIDEST).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

/// Names and reasons are other people's text: what would steer a terminal is made harmless.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            cell(Some(&json!("a\u{1b}[2Jb\nc"))),
            "a\u{fffd}[2Jb\u{fffd}c"
        );
    }

    #[test]
    fn cells_show_what_is_there() {
        for nothing in [json!(null), json!(""), json!([])] {
            assert_eq!(cell(Some(&nothing)), "-");
        }
        assert_eq!(cell(Some(&json!(["a", "b"]))), "a, b");
        assert_eq!(cell(Some(&json!({ "a": 1 }))), "{\"a\":1}");
        assert_eq!(cell(Some(&json!(0.5))), "0.5");
    }
}
