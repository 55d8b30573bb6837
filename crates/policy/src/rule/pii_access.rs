//! `pii_access`: personal data and secrets, refused, flagged or masked.

mod custom;
mod exempt;

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::{Context, PiiHit};
use crate::decision::Evidence;
use crate::detect::pii::PiiType;
use crate::schema::Problem;
use crate::text::{Part, Text};
use custom::{Custom, CustomPattern};
use exempt::Exempt;

/// The documented rule; no list means every type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    #[serde(alias = "pii_types", alias = "types")]
    denied_pii_types: Option<Vec<TypeName>>,
    #[serde(default, alias = "patterns")]
    custom_patterns: Vec<CustomPattern>,
    #[serde(default, alias = "allow")]
    allowed_values: Vec<String>,
    #[serde(default)]
    allowed_domains: Vec<String>,
    #[serde(default = "one")]
    min_count: usize,
    #[serde(default)]
    action: Action,
    #[serde(default, alias = "mask")]
    mask_output: bool,
    #[serde(default)]
    log_access: bool,
    #[serde(default = "yes")]
    scan_input: bool,
    #[serde(default = "yes")]
    scan_output: bool,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

/// What else to do; what a hit does is the policy's mode alone.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    #[default]
    Block,
    #[serde(alias = "redact")]
    Mask,
}

/// A type, or the word that stands for several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TypeName {
    One(PiiType),
    Phone(Phone),
}

#[derive(Debug, Deserialize)]
enum Phone {
    #[serde(rename = "phone", alias = "phone_number")]
    Any,
}

impl TypeName {
    fn covers(&self, kind: PiiType) -> bool {
        match self {
            TypeName::One(one) => *one == kind,
            TypeName::Phone(Phone::Any) => {
                matches!(kind, PiiType::PhoneUs | PiiType::PhoneIntl)
            }
        }
    }
}

/// The rule, ready to be judged.
#[derive(Debug)]
struct PiiAccess {
    kinds: Vec<PiiType>,
    custom: Vec<Custom>,
    exempt: Exempt,
    min_count: usize,
    mask: bool,
    log_access: bool,
    scan_input: bool,
    scan_output: bool,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(PiiAccess::new(read(definition)?)?))
}

impl PiiAccess {
    fn new(definition: Definition) -> Result<Self, Vec<Problem>> {
        let denied = definition.denied_pii_types;
        let is_denied = |kind: &PiiType| {
            let listed = denied
                .as_ref()
                .map(|types| types.iter().any(|t| t.covers(*kind)));
            listed.unwrap_or(true)
        };
        Ok(Self {
            kinds: PiiType::ALL.iter().copied().filter(is_denied).collect(),
            custom: custom::compile(definition.custom_patterns)?,
            exempt: Exempt::new(&definition.allowed_values, &definition.allowed_domains),
            min_count: definition.min_count,
            mask: definition.mask_output || definition.action == Action::Mask,
            log_access: definition.log_access,
            scan_input: definition.scan_input,
            scan_output: definition.scan_output,
        })
    }

    fn scans(&self, text: &Text<'_>) -> bool {
        match text.part {
            Part::ToolOutput | Part::Output => self.scan_output,
            Part::Input | Part::Metadata | Part::History => self.scan_input,
        }
    }

    fn denies(&self, context: &Context<'_>, hit: &PiiHit) -> bool {
        let kind = hit.found.kind;
        let text = context.texts.get(hit.text);
        self.kinds.contains(&kind)
            && text.is_some_and(|text| {
                let span = hit.found.span;
                let value = text.raw.get(span.start..span.end).unwrap_or_default();
                self.scans(text) && !self.exempt.covers(kind, value)
            })
    }

    fn evidence(&self, context: &Context<'_>) -> Vec<Evidence> {
        let denied = context.pii().iter().filter(|hit| self.denies(context, hit));
        let mut evidence: Vec<Evidence> = denied
            .map(|hit| Evidence {
                kind: hit.found.kind.as_str().to_owned(),
                location: context.texts.location(hit.text),
                span: Some(hit.found.span),
            })
            .collect();
        if self.custom.is_empty() {
            return evidence;
        }
        for (index, text) in context.texts.iter().filter(|(_, text)| self.scans(text)) {
            for pattern in &self.custom {
                let found = pattern.find(&text.raw, |value| self.exempt.has(value));
                evidence.extend(found.map(|span| Evidence {
                    kind: pattern.name.clone(),
                    location: context.texts.location(index),
                    span: Some(span),
                }));
            }
        }
        evidence
    }
}

impl Rule for PiiAccess {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let evidence = self.evidence(context);
        let cost = context.texts.bytes();
        if evidence.is_empty() {
            return Ok(Verdict::clear("no denied data was found").costing(cost));
        }
        if evidence.len() < self.min_count {
            return Ok(Verdict::clear("fewer values were found than min_count").costing(cost));
        }
        let types = types_of(&evidence);
        let mut verdict = Verdict::hit(message(&evidence, &types), Vec::new());
        if self.mask {
            verdict.mask.clone_from(&evidence);
        }
        if self.log_access {
            verdict.logged = types;
        }
        if let Some(hit) = &mut verdict.hit {
            hit.evidence = evidence;
        }
        Ok(verdict.costing(cost))
    }
}

fn types_of(evidence: &[Evidence]) -> Vec<String> {
    let mut types: Vec<String> = evidence.iter().map(|e| e.kind.clone()).collect();
    types.sort_unstable();
    types.dedup();
    types
}

fn message(evidence: &[Evidence], types: &[String]) -> String {
    let first = evidence.first().map_or("", |e| e.location.as_str());
    let more = match evidence.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    format!(
        "personal data or secrets ({}) in {first}{more}",
        types.join(", ")
    )
}
