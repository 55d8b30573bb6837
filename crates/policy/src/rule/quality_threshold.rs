//! `quality_threshold`: whether an output is good enough to be used.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Failure, Rule, Verdict, read};
use crate::context::Context;
use crate::decision::Evidence;
use crate::schema::Problem;

/// The documented rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(alias = "min_quality_score", alias = "threshold")]
    min_score: Option<f64>,
    #[serde(default)]
    require_score: bool,
    min_length: Option<usize>,
    max_length: Option<usize>,
    #[serde(default, alias = "valid_json")]
    require_json: bool,
    #[serde(default, alias = "deny_refusals")]
    detect_refusal: bool,
}

/// The rule; nothing needs compiling.
#[derive(Debug)]
pub(crate) struct QualityThreshold {
    definition: Definition,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    let definition: Definition = read(definition)?;
    let mut problems = Vec::new();
    let score = definition.min_score;
    if score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
        problems.push(Problem::at("/min_score", "must be from 0 to 1"));
    }
    if definition.require_score && score.is_none() {
        problems.push(Problem::at("/require_score", "needs min_score"));
    }
    if let (Some(min), Some(max)) = (definition.min_length, definition.max_length)
        && min > max
    {
        problems.push(Problem::at("/max_length", "is less than min_length"));
    }
    if problems.is_empty() {
        Ok(Box::new(QualityThreshold { definition }))
    } else {
        Err(problems)
    }
}

/// One thing that is wrong with an output.
struct Flaw {
    kind: &'static str,
    location: &'static str,
    words: String,
}

impl Rule for QualityThreshold {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let output = context.request.output.as_deref();
        let mut flaws = Vec::new();
        flaws.extend(self.score(context, output.is_some())?);
        if let Some(output) = output {
            self.look(output, &mut flaws);
        }
        if flaws.is_empty() {
            return Ok(Verdict::clear(match output {
                Some(_) => "the output is good enough",
                None => "there is no output yet",
            }));
        }
        let words: Vec<&str> = flaws.iter().map(|flaw| flaw.words.as_str()).collect();
        let message = words.join("; ");
        let evidence = flaws.iter().map(|flaw| Evidence {
            kind: flaw.kind.to_owned(),
            location: flaw.location.to_owned(),
            span: None,
        });
        let cost = output.map_or(0, |output| output.len() as u64);
        Ok(Verdict::hit(message, evidence.collect()).costing(cost))
    }
}

impl QualityThreshold {
    /// `metadata.qualityScore`, which the application or the trace brings.
    fn score(&self, context: &Context<'_>, answered: bool) -> Result<Option<Flaw>, Failure> {
        let Some(min) = self.definition.min_score else {
            return Ok(None);
        };
        let flaw = |kind, words| {
            Some(Flaw {
                kind,
                location: "metadata.qualityScore",
                words,
            })
        };
        let metadata = context.request.metadata.as_ref();
        let said = metadata.and_then(|m| m.get("qualityScore").or_else(|| m.get("quality_score")));
        let Some(said) = said.filter(|said| !said.is_null()) else {
            let missed = self.definition.require_score && answered;
            return Ok(missed
                .then(|| flaw("no_score", "the output has no quality score".to_owned()))
                .flatten());
        };
        let score = said.as_f64().filter(|score| (0.0..=1.0).contains(score));
        let score = score.ok_or(Failure::BadNumber("metadata.qualityScore"))?;
        Ok((score < min)
            .then(|| {
                flaw(
                    "low_score",
                    format!("the quality score {score} is below {min}"),
                )
            })
            .flatten())
    }

    fn look(&self, output: &str, flaws: &mut Vec<Flaw>) {
        let mut flaw = |kind, words| {
            flaws.push(Flaw {
                kind,
                location: "output",
                words,
            });
        };
        let rule = &self.definition;
        let length = output.chars().count();
        if let Some(min) = rule.min_length.filter(|min| length < *min) {
            flaw(
                "too_short",
                format!("the output has {length} of at least {min} characters"),
            );
        }
        if let Some(max) = rule.max_length.filter(|max| length > *max) {
            flaw(
                "too_long",
                format!("the output has {length} of at most {max} characters"),
            );
        }
        if rule.require_json && serde_json::from_str::<IgnoredAny>(output).is_err() {
            flaw("not_json", "the output is not valid JSON".to_owned());
        }
        if rule.detect_refusal && is_refusal(output) {
            flaw("refusal", "the output is a refusal".to_owned());
        }
    }
}

/// How models begin when they refuse, in lower case with plain apostrophes.
const REFUSALS: [&str; 47] = [
    "i can't help",
    "i cannot help",
    "i can't assist",
    "i cannot assist",
    "i can't provide",
    "i cannot provide",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i won't be able to",
    "i can't comply",
    "i cannot comply",
    "i must decline",
    "i can't fulfill",
    "i cannot fulfill",
    "as an ai language model, i",
    "ich kann dir dabei nicht helfen",
    "ich kann ihnen dabei nicht helfen",
    "dabei kann ich nicht helfen",
    "ich kann diese anfrage nicht",
    "je ne peux pas vous aider",
    "je ne peux pas t'aider",
    "je ne suis pas en mesure de",
    "je ne peux pas répondre",
    "no puedo ayudarte",
    "no puedo ayudarle",
    "no puedo proporcionar",
    "no puedo cumplir",
    "não posso ajudar",
    "não consigo ajudar",
    "não posso fornecer",
    "non posso aiutarti",
    "non posso aiutarla",
    "non posso fornire",
    "ik kan je daar niet mee helpen",
    "ik kan u daar niet mee helpen",
    "nie mogę w tym pomóc",
    "nie mogę pomóc",
    "я не могу помочь",
    "я не могу предоставить",
    "抱歉，我无法",
    "对不起，我无法",
    "我无法提供",
    "申し訳ありませんが、",
    "お手伝いできません",
    "도와드릴 수 없습니다",
];

/// Whether an output refuses within its first sentences; one that quotes a refusal further down
/// does not.
fn is_refusal(output: &str) -> bool {
    let head = output.trim_start().chars().take(160);
    let head: String = head
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
        .flat_map(char::to_lowercase)
        .collect();
    REFUSALS.iter().any(|refusal| head.contains(refusal))
}
