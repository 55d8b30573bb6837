//! One request under evaluation: its texts, and scans that run at most once for all policies.

pub(crate) mod data;
pub(crate) mod hosts;
pub(crate) mod subject;

use std::cell::OnceCell;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::detect::injection::{self, Origin, Scanner, Score};
use crate::detect::pii::{self, Found};
use crate::detect::views::{self, View, ViewKind};
use crate::request::{Facts, Request};
use crate::rule::names::Name;
use crate::set::{PolicySet, Scopes, words};
use crate::text::{Part, Texts};
use data::DataNames;
use hosts::Hosts;
use subject::Subject;

/// What rules may look at.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    pub(crate) facts: &'a Facts,
    pub(crate) texts: &'a Texts<'a>,
    set: &'a PolicySet,
    scopes: Scopes<'a>,
    claims: OnceCell<Claims>,
    tools: OnceCell<Vec<Name<'a>>>,
    subject: OnceCell<Subject<'a>>,
    data: OnceCell<DataNames>,
    hosts: OnceCell<Hosts>,
    words: OnceCell<Option<Vec<(u32, usize)>>>,
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

/// Who is behind the act, as JSON objects; empty when nobody is named.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) user: Value,
    pub(crate) delegation: Value,
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
            scopes: set.scopes(request),
            claims: OnceCell::new(),
            tools: OnceCell::new(),
            subject: OnceCell::new(),
            data: OnceCell::new(),
            hosts: OnceCell::new(),
            words: OnceCell::new(),
            signals: OnceCell::new(),
            pii: OnceCell::new(),
        }
    }

    /// Where this request's policies and patterns are found.
    pub(crate) fn scopes(&self) -> &Scopes<'a> {
        &self.scopes
    }

    /// The person behind the act and its delegation as JSON, for expressions.
    pub(crate) fn claims(&self) -> &Claims {
        self.claims.get_or_init(|| Claims {
            user: object(self.request.on_behalf_of.as_ref()),
            delegation: object(self.request.delegation.as_ref()),
        })
    }

    /// The tools about to be used, in the order of the request.
    pub(crate) fn tools(&self) -> &[Name<'a>] {
        let names = || self.request.tools.iter().map(Name::new);
        self.tools.get_or_init(|| names().collect())
    }

    /// Who asks.
    pub(crate) fn subject(&self) -> &Subject<'a> {
        self.subject.get_or_init(|| Subject::of(self.request))
    }

    /// What the request says about the data it touches.
    pub(crate) fn data(&self) -> &DataNames {
        self.data.get_or_init(|| DataNames::of(self.request))
    }

    /// Where the texts point to.
    pub(crate) fn hosts(&self) -> &Hosts {
        self.hosts.get_or_init(|| Hosts::of(self.texts))
    }

    /// (word id, text) of every restricted word, ascending; none when there are too many to check.
    pub(crate) fn words(&self) -> Option<&[(u32, usize)]> {
        let groups = || self.set.groups(&self.scopes).map(|group| &group.words);
        let found = self
            .words
            .get_or_init(|| words::find(groups(), self.texts).ok());
        found.as_deref()
    }

    pub(crate) fn signals(&self) -> &Signals {
        self.signals.get_or_init(|| {
            let mut signals = Signals::default();
            let mut scanner = Scanner::default();
            for (index, text) in self.texts.iter().filter(|(_, text)| !text.trusted) {
                let views = views::of(&text.raw);
                self.match_patterns(&views, |id| signals.patterns.push((id, index)));
                let score = scanner.score(&views, origin(text.part));
                if score.permille > 0 {
                    signals.scores.push((index, score));
                }
            }
            self.follow_steps(&mut signals.scores);
            signals.patterns.sort_unstable();
            signals.patterns.dedup();
            signals
        })
    }

    /// What the user's messages come to together is put down to the last of them, the input.
    fn follow_steps(&self, scores: &mut Vec<(usize, Score)>) {
        let earlier = self.request.conversation_history.iter();
        let by_user = earlier.filter_map(|message| {
            let field = |name| message.get(name).and_then(Value::as_str);
            let said = field("content").or(message.as_str());
            said.filter(|_| injection::is_user(field("role").unwrap_or_default()))
        });
        let steps = injection::score_steps(by_user.chain([self.request.input.as_str()]));
        let input = self.texts.iter().find(|(_, text)| text.part == Part::Input);
        let Some((input, _)) = input.filter(|_| steps.permille > 0) else {
            return;
        };
        match scores.iter_mut().find(|(text, _)| *text == input) {
            Some((_, score)) => *score = std::mem::take(score).or(steps),
            None => scores.insert(0, (input, steps)),
        }
    }

    /// Administrators' patterns see every gap between words as one blank; they do not see the view
    /// without gaps, where `^` and `$` would mean something else.
    fn match_patterns(&self, views: &[View<'_>], mut found: impl FnMut(u32)) {
        let groups = self.set.groups(&self.scopes).map(|group| &group.patterns);
        let mut groups = groups.filter(|group| !group.is_empty()).peekable();
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
                let found = match self.texts.field(text) {
                    Some(name) => pii::find_in_field(name, &content.raw),
                    None => pii::find(&content.raw),
                };
                hits.extend(found.into_iter().map(|found| PiiHit { text, found }));
            }
            hits
        })
    }
}

fn origin(part: Part) -> Origin {
    match part {
        Part::ToolOutput | Part::Output => Origin::Document,
        Part::Input | Part::Metadata | Part::History => Origin::User,
    }
}

fn object(claim: Option<&impl Serialize>) -> Value {
    claim
        .and_then(|claim| serde_json::to_value(claim).ok())
        .unwrap_or_else(|| Value::Object(Map::new()))
}
