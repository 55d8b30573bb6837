//! `kind: PolicyTest`: what should be decided, case by case.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, TimeZone, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use writ_policy::{Outcome, Request};

use super::problem::{Place, Problem, below};
use super::request;

/// Cases that share policies, time and facts.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) folder: PathBuf,
    pub(super) line: usize,
    /// Only these policies; none means all of the folder.
    pub(super) policies: Vec<String>,
    pub(super) cases: Vec<Case>,
}

/// One request and what should become of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) line: usize,
    /// Whose agent has no id when the case names it otherwise.
    pub(super) request: Request,
    pub(super) options: Options,
    pub(super) facts: Given,
    pub(super) expect: Expect,
}

/// How a case is run.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    /// The time of the decision.
    #[serde(deserialize_with = "moment")]
    now: Option<DateTime<Utc>>,
}

/// What a decision depends on beside policies and request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Given {
    /// The agent's mean cost per trace, in US dollars.
    pub(super) mean_cost: Option<f64>,
    /// A token proves who is behind the act.
    pub(super) verified: Option<bool>,
    /// What the counters of policies already hold: US dollars, calls, records.
    pub(super) used: BTreeMap<String, f64>,
    /// What validators and models say, by the policy that asks.
    pub(super) answers: BTreeMap<String, Said>,
}

/// An answer from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Allow,
    Deny,
    RequireApproval,
    /// None that can be used.
    Failed,
}

/// What should be decided; what is absent is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expect {
    #[serde(deserialize_with = "outcome")]
    pub(super) outcome: Option<Outcome>,
    /// Names of all policies that hit, in any mode.
    pub(super) policies: Option<Vec<String>>,
    /// Kinds of evidence that must be among what was found.
    pub(super) rules: Vec<String>,
    /// Names of all policies whose counter passed its warning threshold.
    pub(super) thresholds: Option<Vec<String>>,
    /// Whether a spent budget pauses the agent.
    pub(super) pauses_agent: Option<bool>,
    /// The input after masking.
    pub(super) redacted_input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SuiteSpec {
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    facts: Given,
    cases: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CaseSpec {
    name: String,
    request: Value,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    facts: Given,
    expect: Expect,
}

impl Options {
    /// The time of the decision in milliseconds since the Unix epoch; a case that needs none gets
    /// noon of 1 January 2026, a Thursday.
    pub(super) fn now_ms(self) -> i64 {
        let noon = Utc.timestamp_opt(1_767_268_800, 0).single();
        self.now.or(noon).unwrap_or_default().timestamp_millis()
    }
}

impl Suite {
    /// Reads a document; every problem is added to the list.
    pub(super) fn read(place: Place<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let document = &place.document.value;
        let name = document.pointer("/metadata/name").and_then(Value::as_str);
        let spec = document.get("spec").unwrap_or(&Value::Null);
        let spec = read::<SuiteSpec>(place, "/spec", spec, problems)?;
        let mut cases: Vec<Case> = Vec::new();
        for (index, case) in spec.cases.iter().enumerate() {
            let pointer = below("/spec/cases", &index.to_string());
            let Some(case) = read::<CaseSpec>(place, &pointer, case, problems) else {
                continue;
            };
            let line = place.document.line(&pointer);
            if cases.iter().any(|it| it.name == case.name) {
                let message = format!("another case is called '{}'", case.name);
                problems.push(place.problem(&below(&pointer, "name"), message));
            }
            match request::read(&case.request) {
                Ok(request) => cases.push(case.finish(request, line, &spec.options, &spec.facts)),
                Err(why) => problems.push(place.problem(&below(&pointer, "request"), why)),
            }
        }
        if spec.cases.is_empty() {
            problems.push(place.problem("/spec/cases", "must not be empty"));
        }
        (problems.len() == before).then(|| Self {
            name: name.unwrap_or(&place.text.name).to_owned(),
            file: place.text.name.clone(),
            folder: place.text.folder.clone(),
            line: place.document.line(""),
            policies: spec.policies,
            cases,
        })
    }

    /// Every policy the suite speaks of, and on which line.
    pub(super) fn names(&self) -> Vec<(&str, usize)> {
        let of_suite = self.policies.iter().map(|name| (name.as_str(), self.line));
        let of_cases = self.cases.iter().flat_map(|case| {
            let expected = case.expect.policies.iter().flatten();
            let expected = expected.chain(case.expect.thresholds.iter().flatten());
            let names = expected.chain(case.facts.used.keys());
            let names = names.chain(case.facts.answers.keys());
            names.map(|name| (name.as_str(), case.line))
        });
        of_suite.chain(of_cases).collect()
    }

    /// A problem of this suite.
    pub(super) fn problem(&self, line: usize, message: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line,
            path: String::new(),
            message,
        }
    }
}

impl CaseSpec {
    /// What a case does not say, its suite does.
    fn finish(self, request: Request, line: usize, options: &Options, facts: &Given) -> Case {
        let mut both = facts.clone();
        both.used.extend(self.facts.used);
        both.answers.extend(self.facts.answers);
        both.verified = self.facts.verified.or(both.verified);
        both.mean_cost = self.facts.mean_cost.or(both.mean_cost);
        Case {
            name: self.name,
            line,
            request,
            options: Options {
                now: self.options.now.or(options.now),
            },
            facts: both,
            expect: self.expect,
        }
    }
}

fn read<T: DeserializeOwned>(
    place: Place<'_>,
    pointer: &str,
    value: &Value,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    T::deserialize(value)
        .map_err(|error| problems.push(place.problem(pointer, error.to_string())))
        .ok()
}

fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let time = DateTime::parse_from_rfc3339(&text);
    let time = time.map_err(|_| D::Error::custom("now: must look like 2026-11-20T09:30:00Z"))?;
    Ok(Some(time.to_utc()))
}

fn outcome<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Outcome>, D::Error> {
    let Some(word) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    [Outcome::Allow, Outcome::Hold, Outcome::Block]
        .into_iter()
        .find(|outcome| outcome_word(*outcome) == word)
        .map(Some)
        .ok_or_else(|| D::Error::custom("outcome: must be allow, require_approval or block"))
}

/// An outcome as tests say it.
pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Hold => "require_approval",
        Outcome::Block => "block",
    }
}
