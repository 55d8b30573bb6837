//! Scores a text for prompt injection, with the reasons.

use super::crescendo;
use super::mention;
use super::signals::{self, Family};
use super::views::{self, View, ViewKind};
use super::wording::{self, Model, Weigher};

/// Score, out of 1000, from which a text is an injection.
pub const BLOCK: u16 = 500;
/// Score, out of 1000, from which a text deserves a second look.
pub const FLAG: u16 = 350;
/// The reason that stands for the trained model.
const WORDING: &str = "wording";
/// The reason that stands for steps over several messages.
const CRESCENDO: &str = "crescendo";
/// Scores of the sums that are this far below the flag threshold and above the block threshold.
const REACH: f64 = 5.0;

/// How sure the detector is that a text is an injection: a rank, not a probability.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// 0 to 1000; [`FLAG`] and [`BLOCK`] are the thresholds.
    pub permille: u16,
    /// The reasons, each once, in a fixed order: signals, and `wording`.
    pub signals: Vec<&'static str>,
}

impl Score {
    /// The higher of two, with the reasons of both.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.permille = self.permille.max(other.permille);
        self.signals.extend(other.signals);
        self
    }
}

/// Who wrote a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The person the agent works for, or the application; also when it is not known.
    User,
    /// Whoever wrote what a tool found: a page, a mail, a file.
    Document,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it, when that is known: `user`, `assistant`, `system`, `tool`.
    pub role: Option<String>,
    /// What was said.
    pub text: String,
}

/// Scores one text.
#[must_use]
pub fn scan(text: &str, origin: Origin) -> Score {
    Scanner::default().score(&views::of(text), origin)
}

/// Scores a conversation: as its most suspicious message, or by the steps the user takes in it.
#[must_use]
pub fn scan_conversation(turns: &[Turn]) -> Score {
    let mut scanner = Scanner::default();
    let role = |turn: &Turn| turn.role.clone().unwrap_or_default();
    let scores = turns
        .iter()
        .filter(|turn| !is_trusted(&role(turn)))
        .map(|turn| {
            let origin = match role(turn).as_str() {
                "tool" | "function" => Origin::Document,
                _ => Origin::User,
            };
            scanner.score(&views::of(&turn.text), origin)
        });
    let worst = scores.max_by_key(|score| score.permille);
    let by_user = turns.iter().filter(|turn| is_user(&role(turn)));
    let steps = score_steps(by_user.map(|turn| turn.text.as_str()));
    worst.unwrap_or_default().or(steps)
}

fn is_trusted(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

/// Whether a message is by the user; one that does not say is.
pub(crate) fn is_user(role: &str) -> bool {
    matches!(role, "" | "user" | "human")
}

/// Scores the steps of a conversation, its messages by the user in order; 0 when they do not add up.
pub(crate) fn score_steps<'t>(messages: impl Iterator<Item = &'t str>) -> Score {
    let Some(steps) = crescendo::sum(messages) else {
        return Score::default();
    };
    let permille = rank(steps.sum, steps.flag, steps.block);
    match permille {
        FLAG.. => Score {
            permille,
            signals: vec![CRESCENDO],
        },
        _ => Score::default(),
    }
}

/// The places of a text that speak most for an attack, as they are written, heaviest first.
#[must_use]
pub fn heaviest_places(text: &str) -> Vec<String> {
    let views = views::of(text);
    Model::shipped().map_or_else(Vec::new, |model| wording::heaviest(model, &views, 3))
}

/// What the model is trained on: the runs of words of each window, and the score of the signals.
#[doc(hidden)]
#[must_use]
pub fn features(text: &str) -> (Vec<Vec<usize>>, u16) {
    let views = views::of(text);
    let (signals, _) = signal_score(&views, Origin::User);
    (Weigher::default().runs(&views), signals)
}

/// What holds of a conversation with these messages by the user.
#[doc(hidden)]
#[must_use]
pub fn step_features(messages: &[String]) -> Vec<bool> {
    crescendo::features(messages.iter().map(String::as_str)).unwrap_or_default()
}

/// Scores texts; cheaper for many of them than [`scan`].
#[derive(Default)]
pub struct Scanner {
    weigher: Weigher,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").finish_non_exhaustive()
    }
}

impl Scanner {
    /// Scores the readings of one text: signals and wording together.
    #[must_use]
    pub fn score(&mut self, views: &[View<'_>], origin: Origin) -> Score {
        let (permille, mut signals) = signal_score(views, origin);
        let Some(model) = Model::shipped() else {
            return Score { permille, signals };
        };
        let weight = self.weigher.weigh(model, views);
        if weight > 0.0 {
            signals.push(WORDING);
        }
        Score {
            permille: rank(model.sum(weight, permille), model.flag, model.block),
            signals,
        }
    }
}

/// Puts a sum on the scale of scores: straight lines through both thresholds. Nothing is certain, so
/// a threshold of 1 is never reached.
fn rank(sum: f64, flag: f64, block: f64) -> u16 {
    let (low, high) = (f64::from(FLAG), f64::from(BLOCK));
    let score = if sum < flag {
        low - 1.0 - (flag - sum) / REACH * low
    } else if sum < block {
        low + (sum - flag) / (block - flag) * (high - 1.0 - low)
    } else {
        high + (sum - block) / REACH * (1000.0 - high)
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 999"
    )]
    let permille = score.clamp(0.0, 999.0) as u16;
    permille
}

/// Scores the signals in the readings of one text, out of 1000.
///
/// Orders to a machine, calls to do harm and calls to hide something are ordinary from a user's
/// mouth and count more in a document.
///
/// Each family of signals counts once, with its strongest member; families combine as independent
/// hints. An order that had to be decoded first counts more: honest text does not hide.
fn signal_score(views: &[View<'_>], origin: Origin) -> (u16, Vec<&'static str>) {
    let mut best = [0_u16; Family::COUNT];
    let mut seen = Vec::new();
    for view in views {
        let hidden = view.kind != ViewKind::Plain;
        signals::matches(&view.text, view.kind, |signal, place| {
            let misplaced = origin == Origin::Document && signal.family.is_misplaced_in_documents();
            let base = signal.weight + if misplaced { 200 } else { 0 };
            let weight = match hidden {
                true => base.saturating_add(150).min(950),
                false if mention::is_quoted(&view.text, place) => base * 40 / 100,
                false => base,
            };
            if let Some(family) = best.get_mut(signal.family as usize) {
                *family = (*family).max(weight);
            }
            seen.push(signal.name);
            if hidden {
                seen.push("hidden_text");
            }
        });
    }
    seen.sort_unstable();
    seen.dedup();
    let safe = best.iter().fold(1_000_000_u64, |safe, weight| {
        safe * u64::from(1000_u16.saturating_sub(*weight)) / 1000
    });
    let permille = u16::try_from((1_000_000 - safe) / 1000).unwrap_or(1000);
    (permille, seen)
}
