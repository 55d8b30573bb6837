//! Scores a text for prompt injection, with the reasons.

use super::mention;
use super::signals::{self, Family};
use super::views::{self, View, ViewKind};

/// Score, out of 1000, from which a text is an injection.
pub const BLOCK: u16 = 500;
/// Score, out of 1000, from which a text deserves a second look.
pub const FLAG: u16 = 350;

/// How likely a text is an injection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// 0 to 1000.
    pub permille: u16,
    /// The signals that were seen, each once, in a fixed order.
    pub signals: Vec<&'static str>,
}

/// Who wrote a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The person the agent works for, or the application.
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
    score(&views::of(text), origin)
}

/// Scores a conversation: as its most suspicious message.
#[must_use]
pub fn scan_conversation(turns: &[Turn]) -> Score {
    let by_users = turns
        .iter()
        .filter(|turn| turn.role.as_deref() != Some("system"));
    let scores = by_users.map(|turn| scan(&turn.text, Origin::User));
    scores
        .max_by_key(|score| score.permille)
        .unwrap_or_default()
}

/// Scores the readings of one text.
///
/// Orders to a machine, calls to do harm and calls to hide something are ordinary from a user's
/// mouth and count more in a document.
///
/// Each family of signals counts once, with its strongest member; families combine as independent
/// hints. An order that had to be decoded first counts more: honest text does not hide.
#[must_use]
pub fn score(views: &[View<'_>], origin: Origin) -> Score {
    let mut best = [0_u16; Family::COUNT];
    let mut seen = Vec::new();
    for view in views {
        let hidden = view.kind != ViewKind::Plain;
        signals::matches(&view.text, view.kind, |signal, place| {
            let misplaced = origin == Origin::Document && signal.family.is_misplaced_in_documents();
            let base = signal.weight + if misplaced { 200 } else { 0 };
            let weight = match hidden {
                true => base.saturating_add(150).min(950),
                false if mention::is_quoted(&view.text, place) => base * 65 / 100,
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
    Score {
        permille,
        signals: seen,
    }
}
