//! Readings of a text: as it looks, and what its encoded parts say.

mod cut;
mod decode;
mod hints;
mod spelling;
mod words;

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::normalise::normalise;
use hints::Hints;

/// Encoded parts longer than this in sum are not decoded further.
const MAX_DECODED: usize = 1 << 20;

/// One reading of a text.
#[derive(Debug)]
pub struct View<'a> {
    /// How it was obtained.
    pub kind: ViewKind,
    /// The normalised text.
    pub text: Cow<'a, str>,
}

/// How a view was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViewKind {
    /// As it looks.
    Plain,
    /// Digits and signs read as letters.
    Leetspeak,
    /// Letters set apart joined to words.
    Spaced,
    /// Everything but letters removed.
    Squeezed,
    /// Text without gaps cut into words.
    Cut,
    /// Read backwards.
    Reversed,
    /// Shifted by thirteen letters.
    Rot13,
    /// Percent, entity, backslash or hexadecimal codes.
    Escapes,
    /// Base64.
    Base64,
}

/// The readings of a text; the first is always the plain one.
#[must_use]
pub fn of(raw: &str) -> Vec<View<'_>> {
    let plain = normalise(raw);
    let mut views = Vec::with_capacity(1);
    let mut add = |kind, text: String| {
        views.push(View {
            kind,
            text: Cow::Owned(text),
        });
    };
    let hints = Hints::of(&plain);
    if hints.leet >= 2 {
        add(ViewKind::Leetspeak, spelling::unleet(&plain));
    }
    if hints.longest_word >= 24 {
        cut::at_words(&plain, |text| add(ViewKind::Cut, text));
    }
    if hints.singles >= 6 {
        let joined = spelling::join_singles(&plain);
        add(ViewKind::Squeezed, spelling::squeeze(&joined));
        add(ViewKind::Spaced, joined);
    } else if hints.longest_word >= 24 {
        add(ViewKind::Squeezed, spelling::squeeze(&plain));
    }
    let (mirrored, shifted) = disguises(&plain);
    if mirrored {
        add(ViewKind::Reversed, plain.chars().rev().collect());
    }
    if shifted {
        add(ViewKind::Rot13, spelling::rot13(&plain));
    }
    if hints.escapes {
        decode::escapes(&plain, |text| {
            add(ViewKind::Escapes, normalise(&text).into_owned())
        });
    }
    if hints.longest_word >= 20 {
        let mut left = MAX_DECODED;
        decode::base64(&plain, &mut left, |text| {
            add(ViewKind::Base64, normalise(&text).into_owned());
        });
        decode::hex(&plain, &mut left, |text| {
            add(ViewKind::Escapes, normalise(&text).into_owned());
        });
    }
    views.insert(
        0,
        View {
            kind: ViewKind::Plain,
            text: plain,
        },
    );
    views
}

/// The text with every run of white space as one blank.
pub(crate) fn even_gaps(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    // Without an early end, so that the compiler makes vector instructions of it.
    let uneven = pairs.fold(false, |any, (b, next)| {
        let blanks = (*b == b' ') & (*next == b' ');
        any | blanks | (*b == b'\n') | (*b == b'\t') | (*b == b'\r')
    });
    if !uneven {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// Words that only show up when a whole text is written backwards or shifted; frequent ones stand
/// between blanks.
static DISGUISES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(BACKWARDS.iter().chain(SHIFTED))
        .ok()
});

const BACKWARDS: &[&str] = &[
    "snoitcurtsni",
    "suoiverp",
    "drager",
    "erongi",
    "tpmorp",
    "tegrof",
    "laever",
    "metsys",
    "selur",
    "senilediug",
    "drowssap",
    " terces",
    " eht ",
    " ruoy ",
    " uoy ",
];

const SHIFTED: &[&str] = &[
    "vafgehpgvba",
    "cerivbhf",
    "qvfertneq",
    "vtaber",
    "cebzcg",
    "sbetrg",
    "erirny",
    "flfgrz",
    "ehyrf",
    "thvqryvarf",
    "bireevqr",
    "cnffjbeq",
    "frperg",
    " gur ",
    " naq ",
    " lbhe ",
    " lbh ",
];

fn disguises(text: &str) -> (bool, bool) {
    let Some(words) = DISGUISES.as_ref() else {
        return (true, true);
    };
    let (mut mirrored, mut shifted) = (0, 0);
    let text = text.to_ascii_lowercase();
    for found in words.find_iter(&text).take(64) {
        if found.pattern().as_usize() < BACKWARDS.len() {
            mirrored += 1
        } else {
            shifted += 1
        }
    }
    (mirrored > 0, shifted > 0)
}
