//! `data_restriction`: words that may not be said, data sources and classes of data that may not be
//! touched.

use serde::Deserialize;
use serde_json::Value;

use super::names::{Case, Globs};
use super::{Failure, Rule, Verdict, and_more, read, shown};
use crate::context::Context;
use crate::decision::Evidence;
use crate::schema::Problem;
use crate::set::words::{Accents, Word, WordIds};
use crate::text::Part;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    #[serde(default, alias = "words")]
    restricted_words: Vec<String>,
    #[serde(default = "yes")]
    whole_words: bool,
    #[serde(default = "yes")]
    ignore_diacritics: bool,
    #[serde(default = "yes")]
    scan_input: bool,
    #[serde(default = "yes")]
    scan_output: bool,
    #[serde(alias = "allowed_sources")]
    allowed_data_sources: Option<Vec<String>>,
    #[serde(default, alias = "denied_sources")]
    denied_data_sources: Vec<String>,
    #[serde(default, alias = "classifications")]
    denied_classifications: Vec<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug)]
pub(crate) struct DataRestriction {
    words: Vec<Word>,
    ids: WordIds,
    scan_input: bool,
    scan_output: bool,
    allowed: Option<Globs>,
    denied: Globs,
    classes: Globs,
}

pub(crate) fn compile(definition: &Value) -> Result<Box<dyn Rule>, Vec<Problem>> {
    Ok(Box::new(DataRestriction::new(&read(definition)?)?))
}

impl DataRestriction {
    fn new(definition: &Definition) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let accents = if definition.ignore_diacritics {
            Accents::Ignored
        } else {
            Accents::Kept
        };
        let mut words = Vec::with_capacity(definition.restricted_words.len());
        for (i, word) in definition.restricted_words.iter().enumerate() {
            match Word::compile(word, accents, definition.whole_words) {
                Ok(word) => words.push(word),
                Err(reason) => problems.push(Problem::at(format!("/restricted_words/{i}"), reason)),
            }
        }
        let mut denying = |field: &str, list: &[String]| {
            Globs::compile(field, list, Case::Ignored, &mut problems)
        };
        let denied = denying("/denied_data_sources", &definition.denied_data_sources);
        let classes = denying(
            "/denied_classifications",
            &definition.denied_classifications,
        );
        let allowed = definition.allowed_data_sources.as_ref();
        let allowed = allowed
            .map(|list| Globs::compile("/allowed_data_sources", list, Case::Exact, &mut problems));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            words,
            ids: 0..0,
            scan_input: definition.scan_input,
            scan_output: definition.scan_output,
            allowed,
            denied,
            classes,
        })
    }

    fn scans(&self, context: &Context<'_>, text: usize) -> bool {
        match context.texts.get(text).map(|text| text.part) {
            Some(Part::ToolOutput | Part::Output) => self.scan_output,
            Some(Part::Input | Part::Metadata | Part::History) => self.scan_input,
            None => false,
        }
    }

    fn said(&self, context: &Context<'_>, out: &mut Vec<Evidence>) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return Ok(());
        }
        if context.texts.truncated() {
            return Err(Failure::TooMuchText);
        }
        let found = context.words().ok_or(Failure::TooManyMatches)?;
        let start = found.partition_point(|(id, _)| *id < self.ids.start);
        let own = found.iter().skip(start);
        let own = own.take_while(|(id, _)| *id < self.ids.end);
        for (id, text) in own.filter(|(_, text)| self.scans(context, *text)) {
            out.push(Evidence {
                kind: format!("restricted_words[{}]", id - self.ids.start),
                location: context.texts.location(*text),
                span: None,
            });
        }
        Ok(())
    }

    fn touched(&self, context: &Context<'_>, out: &mut Vec<Evidence>) -> Option<String> {
        let mut first = None;
        for source in &context.data().sources {
            let name = shown(&source.name.given);
            let allowed = self.allowed.as_ref().filter(|_| source.certain);
            let (kind, message) = if self.denied.matches(&source.name) {
                (
                    "denied_data_source",
                    format!("data source '{name}' is denied"),
                )
            } else if allowed.is_some_and(|list| !list.matches(&source.name)) {
                let message = format!("data source '{name}' is not on the allow list");
                ("data_source_not_allowed", message)
            } else {
                continue;
            };
            first.get_or_insert(message);
            out.push(evidence(kind.to_owned(), &source.location));
        }
        for (class, location) in &context.data().classes {
            if let Some(i) = self.classes.find(class) {
                let name = shown(&class.given);
                first.get_or_insert_with(|| format!("data classified '{name}' is denied"));
                out.push(evidence(format!("denied_classifications[{i}]"), location));
            }
        }
        first
    }
}

fn evidence(kind: String, location: &str) -> Evidence {
    Evidence {
        kind,
        location: location.to_owned(),
        span: None,
    }
}

impl Rule for DataRestriction {
    fn judge(&self, context: &Context<'_>) -> Result<Verdict, Failure> {
        let mut evidence = Vec::new();
        let touched = self.touched(context, &mut evidence);
        let sources = evidence.len();
        self.said(context, &mut evidence)?;
        let cost = if self.ids.is_empty() {
            0
        } else {
            context.texts.bytes()
        };
        let more = and_more(evidence.len());
        let verdict = match (touched, evidence.get(sources)) {
            (Some(message), _) => Verdict::hit(format!("{message}{more}"), evidence),
            (None, Some(word)) => {
                let message = format!("restricted word in {}{more}", word.location);
                Verdict::hit(message, evidence)
            }
            (None, None) => Verdict::clear("no restricted word, data source or class of data"),
        };
        Ok(verdict.costing(cost))
    }

    fn take_words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }

    fn set_word_ids(&mut self, ids: WordIds) {
        self.ids = ids;
    }
}
