//! One request under evaluation: its texts, and scans that run at most once for all policies.

use std::cell::OnceCell;

use crate::detect::injection::{self, Origin, Score};
use crate::detect::pii::{self, Found};
use crate::detect::views::{self, View, ViewKind};
use crate::request::{Facts, Request};
use crate::set::PolicySet;
use crate::text::{Part, Texts};

/// What rules may look at.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    pub(crate) facts: &'a Facts,
    pub(crate) texts: &'a Texts<'a>,
    set: &'a PolicySet,
    signals: OnceCell<Signals>,
    pii: OnceCell<Vec<PiiHit>>,
}

/// Everything that hints at an injection.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Texts with a score above zero, in order.
    pub(crate) scores: Vec<(usize, Score)>,
    /// (pattern id, text), ascending.
    pub(crate) patterns: Vec<(u32, usize)>,
}

/// One value found in one text.
#[derive(Debug)]
pub(crate) struct PiiHit {
    pub(crate) text: usize,
    pub(crate) found: Found,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        set: &'a PolicySet,
        request: &'a Request,
        facts: &'a Facts,
        texts: &'a Texts<'a>,
    ) -> Self {
        Self {
            request,
            facts,
            texts,
            set,
            signals: OnceCell::new(),
            pii: OnceCell::new(),
        }
    }

    pub(crate) fn signals(&self) -> &Signals {
        self.signals.get_or_init(|| {
            let mut signals = Signals::default();
            for (index, text) in self.texts.iter().filter(|(_, text)| !text.trusted) {
                let views = views::of(&text.raw);
                self.match_patterns(&views, |id| signals.patterns.push((id, index)));
                let score = injection::score(&views, origin(text.part));
                if score.permille > 0 {
                    signals.scores.push((index, score));
                }
            }
            signals.patterns.sort_unstable();
            signals.patterns.dedup();
            signals
        })
    }

    /// Administrators' patterns see every gap between words as one blank; they do not see the view
    /// without gaps, where `^` and `$` would mean something else.
    fn match_patterns(&self, views: &[View<'_>], mut found: impl FnMut(u32)) {
        let mut groups = self.set.pattern_groups(self.request.agent.id).peekable();
        if groups.peek().is_none() {
            return;
        }
        let spaced = views.iter().filter(|view| view.kind != ViewKind::Squeezed);
        let texts: Vec<_> = spaced.map(|view| views::even_gaps(&view.text)).collect();
        for group in groups {
            for text in &texts {
                group.matches(text, &mut found);
            }
        }
    }

    pub(crate) fn pii(&self) -> &[PiiHit] {
        self.pii.get_or_init(|| {
            let mut hits = Vec::new();
            for (text, content) in self.texts.iter() {
                hits.extend(
                    pii::find(&content.raw)
                        .into_iter()
                        .map(|found| PiiHit { text, found }),
                );
            }
            hits
        })
    }
}

fn origin(part: Part) -> Origin {
    match part {
        Part::ToolOutput => Origin::Document,
        Part::Input | Part::Metadata | Part::History => Origin::User,
    }
}
