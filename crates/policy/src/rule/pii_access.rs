//! `pii_access`: personal data and secrets, refused, flagged or masked.

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::{Context, PiiHit};
use crate::decision::Evidence;
use crate::detect::pii::PiiType;
use crate::schema::Problem;
use crate::text::Part;

/// The documented rule; no list means every type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    denied_pii_types: Option<Vec<PiiType>>,
    #[serde(default)]
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

/// The rule; nothing needs compiling.
#[derive(Debug)]
pub(crate) struct PiiAccess {
    definition: Definition,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(PiiAccess {
        definition: read(definition)?,
    }))
}

impl PiiAccess {
    fn wants(&self, context: &Context<'_>, hit: &PiiHit) -> bool {
        let denied = &self.definition.denied_pii_types;
        let listed = denied
            .as_ref()
            .is_none_or(|types| types.contains(&hit.found.kind));
        listed
            && match context.texts.get(hit.text).map(|text| text.part) {
                Some(Part::ToolOutput | Part::Output) => self.definition.scan_output,
                Some(Part::Input | Part::Metadata | Part::History) => self.definition.scan_input,
                None => false,
            }
    }
}

impl Rule for PiiAccess {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let hits = context.pii().iter().filter(|hit| self.wants(context, hit));
        let evidence: Vec<Evidence> = hits
            .map(|hit| Evidence {
                kind: hit.found.kind.as_str().to_owned(),
                location: context.texts.location(hit.text),
                span: Some(hit.found.span),
            })
            .collect();
        if evidence.is_empty() {
            return Ok(Verdict::clear("no denied data was found").costing(context.texts.bytes()));
        }
        let types = types_of(&evidence);
        let mut verdict = Verdict::hit(message(&evidence, &types), Vec::new());
        if self.definition.mask_output {
            verdict.mask.clone_from(&evidence);
        }
        if self.definition.log_access {
            verdict.logged = types;
        }
        if let Some(hit) = &mut verdict.hit {
            hit.evidence = evidence;
        }
        Ok(verdict.costing(context.texts.bytes()))
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
