//! Scores a text for prompt injection, with the reasons.

use super::mention;
use super::signals::{self, Family};
use super::views::{View, ViewKind};

/// How likely a text is an injection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Score {
    /// 0 to 1000.
    pub permille: u16,
    /// The signals that were seen, each once, in a fixed order.
    pub signals: Vec<&'static str>,
}

/// Scores the readings of one text.
///
/// Each family of signals counts once, with its strongest member; families combine as independent
/// hints. An order that had to be decoded first counts more: honest text does not hide.
#[must_use]
pub fn score(views: &[View<'_>]) -> Score {
    let mut best = [0_u16; Family::COUNT];
    let mut seen = Vec::new();
    for view in views {
        let hidden = view.kind != ViewKind::Plain;
        signals::matches(&view.text, view.kind, |signal, place| {
            let weight = match hidden {
                true => signal.weight.saturating_add(150).min(950),
                false if mention::is_quoted(&view.text, place) => signal.weight * 65 / 100,
                false => signal.weight,
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
