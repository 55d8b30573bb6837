//! `record_limit`: how many records one call and one day may read.

mod sql;

use serde::Deserialize;
use serde_json::Value;

use super::charge::{Charge, Holder, Unit, Window};
use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::model::{Mode, Phase};
use crate::request::Request;
use crate::schema::Problem;
use crate::text::Part;
use sql::Rows;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "max_records")]
    max_records_per_call: Option<u64>,
    #[serde(alias = "daily_limit")]
    max_records_per_day: Option<u64>,
    #[serde(default = "org", alias = "per")]
    scope: String,
    #[serde(default)]
    unbounded: Unbounded,
}

fn org() -> String {
    "org".to_owned()
}

/// What a SELECT without a limit means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unbounded {
    Allow,
    #[default]
    Warn,
    Deny,
}

/// The rule, read.
#[derive(Debug)]
pub(crate) struct RecordLimit {
    per_call: Option<u64>,
    per_day: Option<u64>,
    holder: Holder,
    unbounded: Unbounded,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    let holder = Holder::parse(&definition.scope)
        .filter(|holder| *holder != Holder::Workspace)
        .ok_or_else(|| {
            let why = "must be one of org, agent, user, session";
            vec![Problem::at("/scope", why)]
        });
    Ok(Box::new(RecordLimit {
        per_call: definition.max_records_per_call,
        per_day: definition.max_records_per_day,
        holder: holder?,
        unbounded: definition.unbounded,
    }))
}

/// What a request shows of the records it is about.
#[derive(Debug, Default)]
struct Shown {
    records: u64,
    location: String,
    /// A SELECT without a limit.
    unbounded: Option<String>,
}

impl Shown {
    /// The largest number counts: they speak of the same records.
    fn say(&mut self, records: u64, location: impl Into<String>) {
        if records > self.records {
            self.records = records;
            self.location = location.into();
        }
    }
}

impl Rule for RecordLimit {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let shown = shown(context)?;
        let charges = self.charge(&shown, context);
        let verdict = self.verdict(&shown).costing(context.texts.bytes());
        Ok(verdict.charging(charges.into_iter().collect()))
    }
}

impl RecordLimit {
    fn verdict(&self, shown: &Shown) -> Verdict {
        let records = shown.records;
        let over = |cap: Option<u64>| cap.filter(|cap| records > *cap);
        let hit = |message, kind: &str, location: &str| {
            let evidence = vec![Evidence {
                kind: kind.to_owned(),
                location: location.to_owned(),
                span: None,
            }];
            (message, evidence)
        };
        if let Some(cap) = over(self.per_call) {
            let message = format!("{records} records exceed the limit of {cap} per call");
            let (message, evidence) = hit(message, "too_many_records", &shown.location);
            return Verdict::hit(message, evidence);
        }
        if let Some(cap) = over(self.per_day) {
            let message = format!("{records} records exceed the limit of {cap} per day");
            let (message, evidence) = hit(message, "too_many_records", &shown.location);
            return Verdict::hit(message, evidence);
        }
        let at_most = match (self.unbounded, &shown.unbounded) {
            (Unbounded::Warn, Some(location)) => Some((Mode::Warn, location)),
            (Unbounded::Deny, Some(location)) => Some((Mode::Block, location)),
            _ => None,
        };
        if let Some((at_most, location)) = at_most {
            let message = "a SELECT without a limit can read any number of records".to_owned();
            let (message, evidence) = hit(message, "unbounded_query", location);
            return Verdict::weaker_hit(at_most, message, evidence);
        }
        Verdict::clear("the records are within the limit")
    }

    fn charge(&self, shown: &Shown, context: &Context<'_>) -> Option<Charge> {
        let cap = self.per_day?;
        if shown.records == 0 || context.request.phase == Phase::Post {
            return None;
        }
        let period = Window::Day.period(context.facts.now_ms);
        let (holder, who) = self.holder.of(context.request);
        let message = format!(
            "the limit of {cap} records per day for {} is reached",
            holder.word()
        );
        Some(Charge {
            counter: holder.counter(&who, &period),
            amount: shown.records,
            cap,
            ..Charge::of(Unit::Records, period, message)
        })
    }
}

fn shown(context: &Context<'_>) -> Result<Shown, Failure> {
    let mut shown = Shown::default();
    if let Some(records) = stated(context.request)? {
        shown.say(records, "metadata.recordCount");
    }
    let outputs = context.request.tool_outputs.iter();
    let answered = outputs.map(|tool| rows(&tool.output)).sum();
    shown.say(answered, "toolOutputs");
    let mut queried = 0_u64;
    let mut first = None;
    for (index, text) in context.texts.iter() {
        let asks = match text.part {
            Part::Input | Part::Metadata => true,
            Part::ToolOutput => context.texts.tool_output(index).is_none(),
            Part::History | Part::Output => false,
        };
        if !asks {
            continue;
        }
        match sql::rows(&text.raw) {
            Rows::None => {}
            Rows::AtMost(n) => {
                first.get_or_insert(index);
                queried = queried.saturating_add(n);
            }
            Rows::Unbounded => {
                shown
                    .unbounded
                    .get_or_insert_with(|| context.texts.location(index));
            }
        }
    }
    if let Some(first) = first {
        shown.say(queried, context.texts.location(first));
    }
    Ok(shown)
}

/// `metadata.recordCount`; a number that cannot be one is an error, not nothing.
fn stated(request: &Request) -> Result<Option<u64>, Failure> {
    let metadata = request.metadata.as_ref();
    let said = metadata.and_then(|m| m.get("recordCount").or_else(|| m.get("record_count")));
    match said {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number(value)
            .map(Some)
            .ok_or(Failure::BadNumber("metadata.recordCount")),
    }
}

fn number(value: &Value) -> Option<u64> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range that is exact in f64"
    )]
    let whole = |n: f64| (n.fract() == 0.0 && (0.0..=9e15).contains(&n)).then_some(n as u64);
    match value {
        Value::Number(n) => n.as_u64().or_else(|| whole(n.as_f64()?)),
        Value::String(s) => s.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The fields in which tools put their rows, and how many there are.
const LISTS: [&str; 5] = ["rows", "records", "results", "items", "data"];
const COUNTS: [&str; 4] = ["rowCount", "row_count", "recordCount", "rowcount"];

/// The rows of one answer: a list, an object with a list or a count, or either as JSON text.
fn rows(output: &Value) -> u64 {
    match output {
        Value::Array(items) => items.len() as u64,
        Value::Object(fields) => {
            let lists = LISTS
                .iter()
                .filter_map(|name| fields.get(*name)?.as_array());
            let listed = lists.map(|list| list.len() as u64).max();
            let counts = COUNTS.iter().filter_map(|name| number(fields.get(*name)?));
            listed.into_iter().chain(counts).max().unwrap_or(0)
        }
        Value::String(text) if text.trim_start().starts_with(['[', '{']) => {
            match serde_json::from_str::<Value>(text) {
                Ok(value) if !value.is_string() => rows(&value),
                _ => 0,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
