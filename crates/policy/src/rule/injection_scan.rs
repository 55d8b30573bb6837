//! `injection_scan`: the built-in detector, and the administrator's own patterns.

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::detect::injection::{BLOCK, FLAG};
use crate::schema::Problem;
use crate::set::patterns::{Pattern, PatternIds};
use crate::text::Part;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(default)]
    patterns: Vec<String>,
    /// Accepted because it is documented; the policy's mode decides.
    #[serde(rename = "action")]
    _action: Option<String>,
    #[serde(default = "yes")]
    scan_input: bool,
    #[serde(default = "yes")]
    scan_output: bool,
    #[serde(default)]
    sensitivity: Sensitivity,
    /// Stands over the sensitivity.
    threshold: Option<f64>,
}

/// Which of the detector's two thresholds counts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sensitivity {
    /// What is almost surely an injection.
    #[default]
    Block,
    /// Also what deserves a second look.
    Flag,
}

fn yes() -> bool {
    true
}

/// The rule with its patterns compiled.
#[derive(Debug)]
pub(crate) struct InjectionScan {
    patterns: Vec<Pattern>,
    ids: PatternIds,
    scan_input: bool,
    scan_output: bool,
    threshold: u16,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(InjectionScan::new(read(definition)?)?))
}

impl InjectionScan {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let mut patterns = Vec::new();
        let mut problems = Vec::new();
        for (i, source) in definition.patterns.iter().enumerate() {
            match Pattern::compile(source) {
                Ok(pattern) => patterns.push(pattern),
                Err(reason) => problems.push(Problem::at(format!("/patterns/{i}"), reason)),
            }
        }
        if definition
            .threshold
            .is_some_and(|it| !(0.0..=1.0).contains(&it))
        {
            problems.push(Problem::at("/threshold", "must be from 0 to 1"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1 was checked above"
        )]
        let threshold = match (definition.threshold, definition.sensitivity) {
            (Some(threshold), _) => (threshold * 1000.0).round() as u16,
            (None, Sensitivity::Block) => BLOCK,
            (None, Sensitivity::Flag) => FLAG,
        };
        let (scan_input, scan_output) = (definition.scan_input, definition.scan_output);
        Ok(Self {
            patterns,
            ids: 0..0,
            scan_input,
            scan_output,
            threshold: threshold.max(1),
        })
    }

    fn own_patterns(&self, context: &Context<'_>) -> Vec<Evidence> {
        if self.ids.is_empty() {
            return Vec::new();
        }
        let hits = &context.signals().patterns;
        let start = hits.partition_point(|(id, _)| *id < self.ids.start);
        let own = hits
            .iter()
            .skip(start)
            .take_while(|(id, _)| *id < self.ids.end);
        own.filter(|(_, text)| self.scans(context, *text))
            .map(|(id, text)| Evidence {
                kind: format!("patterns[{}]", id - self.ids.start),
                location: context.texts.location(*text),
                span: None,
            })
            .collect()
    }

    fn scans(&self, context: &Context<'_>, text: usize) -> bool {
        match context.texts.get(text).map(|text| text.part) {
            Some(Part::ToolOutput | Part::Output) => self.scan_output,
            Some(Part::Input | Part::Metadata | Part::History) => self.scan_input,
            None => false,
        }
    }
}

impl Rule for InjectionScan {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let mut evidence = self.own_patterns(context);
        let mut best = 0;
        for (text, score) in &context.signals().scores {
            if score.permille < self.threshold || !self.scans(context, *text) {
                continue;
            }
            best = best.max(score.permille);
            let location = context.texts.location(*text);
            evidence.extend(score.signals.iter().map(|signal| Evidence {
                kind: (*signal).to_owned(),
                location: location.clone(),
                span: None,
            }));
        }
        if evidence.is_empty() {
            return Ok(Verdict::clear("no sign of prompt injection").costing(context.texts.bytes()));
        }
        let verdict = Verdict::hit(message(&evidence, best), evidence);
        Ok(verdict.costing(context.texts.bytes()))
    }

    fn take_patterns(&mut self) -> Vec<Pattern> {
        std::mem::take(&mut self.patterns)
    }

    fn set_pattern_ids(&mut self, ids: PatternIds) {
        self.ids = ids;
    }
}

fn message(evidence: &[Evidence], permille: u16) -> String {
    let mut kinds: Vec<&str> = evidence.iter().map(|e| e.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.truncate(5);
    let location = evidence.first().map_or("", |e| e.location.as_str());
    let score = match permille {
        0 => String::new(),
        n => format!(", score {}.{:03}", n / 1000, n % 1000),
    };
    format!(
        "prompt injection in {location}: {}{score}",
        kinds.join(", ")
    )
}
