//! Secrets: those with a form of their own, those in URLs, and those that their name gives away.

mod assigned;
mod forms;

use std::sync::LazyLock;

use super::text::{Text, is_word};
pub(super) use assigned::{assigned, url_password};
use forms::{Alphabet, FORMS, Form};

/// Longest private key that is followed to its end, in bytes.
const MAX_PEM: usize = 32 << 10;
const JWT: &str = "eyJ";

/// The forms by their first two bytes.
struct Index {
    /// For each pair of bytes: its place in `groups`, 0 when no form begins so.
    pairs: Vec<u8>,
    groups: Vec<Vec<&'static Form>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        pairs: vec![0; 1 << 16],
        groups: vec![Vec::new()],
    };
    for form in FORMS {
        let next = index.groups.len();
        let mut bytes = form.prefix.bytes();
        let pair = pair(bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
        let Some(place) = index.pairs.get_mut(pair) else {
            continue;
        };
        if *place == 0 {
            *place = u8::try_from(next).unwrap_or(0);
            index.groups.push(Vec::new());
        }
        if let Some(group) = index.groups.get_mut(usize::from(*place)) {
            group.push(form);
        }
    }
    index
});

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// The secret with a form of its own that the word starting here is.
pub(super) fn at_word(t: Text<'_>, start: usize) -> Option<(usize, usize)> {
    let (first, second) = (t.byte(start), t.byte(start + 1));
    match (first | 0x20, second | 0x20) {
        (b'e', b'y') => return json_web_token(t, start),
        (b'b', b'e' | b'a') => return scheme(t, start),
        (b'h', b't') => return hook(t, start),
        _ => {}
    }
    let group = INDEX.pairs.get(pair(first, second));
    let group = group.filter(|place| **place > 0)?;
    let forms = INDEX.groups.get(usize::from(*group))?;
    forms.iter().find_map(|form| of_form(t, form, start))
}

/// Slack's and Discord's addresses are secrets themselves.
fn hook(t: Text<'_>, start: usize) -> Option<(usize, usize)> {
    let host = start + "https://".len();
    if !t.has(start, "https://") {
        return None;
    }
    let path = t.run(host, 40, |b| is_word(b) || b == b'.');
    let (place, least) = match t.slice(host, path) {
        "hooks.slack.com" => ("/services/", 30),
        "discord.com" | "discordapp.com" => ("/api/webhooks/", 60),
        _ => return None,
    };
    let token = path + place.len();
    let end = t.run(token, 160, |b| is_url_safe(b) || b == b'/');
    (t.has(path, place) && end - token >= least).then_some((start, end))
}

fn of_form(t: Text<'_>, form: &Form, start: usize) -> Option<(usize, usize)> {
    let body = start + form.prefix.len();
    let before = t.back(start, 1);
    let joined = before == b'-' || form.alphabet.has(b'.') && before == b'.';
    if t.slice(start, body) != form.prefix || joined {
        return None;
    }
    let end = t.run(body, form.longest + 1, |b| form.alphabet.has(b));
    let end = t.run_back(end, 4, |b| b == b'.').max(body);
    let fits = (form.shortest..=form.longest).contains(&(end - body)) && !is_word(t.byte(end));
    (fits && form.is_plausible(&Look::of(t.slice(body, end)))).then_some((start, end))
}

impl Form {
    /// The less its prefix and length say, the more its characters must.
    fn is_plausible(&self, look: &Look) -> bool {
        let spaced = !matches!(self.alphabet, Alphabet::Hex | Alphabet::Plain);
        let short = self.prefix.len() < 4 && self.shortest != self.longest;
        look.varied && (look.mixed || !spaced && !short) && (look.turning || !short)
    }
}

/// PEM: from the first dash to the last; a key that was cut off counts as far as it goes.
pub(super) fn private_key(t: Text<'_>, start: usize) -> Option<(usize, usize)> {
    let end = start + "-----BEGIN ".len();
    let of_label = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ';
    let label = t.run(end, 40, of_label);
    let name = t.slice(end, label);
    if !name.contains("PRIVATE KEY") || !t.has(label, "-----") {
        return None;
    }
    let body = label + 5;
    let mut last = body;
    loop {
        last = t.run(last, MAX_PEM, |b| {
            b.is_ascii_alphanumeric()
                || b.is_ascii_whitespace()
                || matches!(b, b'+' | b'/' | b'=' | b'\\' | b':' | b',' | b'"' | b'.')
        });
        // A single dash is part of a header such as `DEK-Info`.
        if t.byte(last) != b'-' || t.has(last, "--") || last - body > MAX_PEM {
            break;
        }
        last += 1;
    }
    if t.has(last, "-----END ") {
        let close = t.run(last + 9, 40, |b| {
            b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' '
        });
        if t.has(close, "-----") {
            return Some((start, close + 5));
        }
    }
    let cut = t.run(body, MAX_PEM, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\')
    });
    let cut = t.run_back(cut, 8, |b| b.is_ascii_whitespace()).max(body);
    (cut - body >= 40).then_some((start, cut))
}

/// RFC 7519: header and claims are JSON objects; the signature may be missing.
fn json_web_token(t: Text<'_>, start: usize) -> Option<(usize, usize)> {
    let part = |from: usize| t.run(from, 16 << 10, is_url_safe);
    let joined = matches!(t.back(start, 1), b'-' | b'.');
    if joined || t.slice(start, start + JWT.len()) != JWT {
        return None;
    }
    let header = part(start);
    if header - start < 12 || t.byte(header) != b'.' || !t.has(header + 1, JWT) {
        return None;
    }
    let claims = part(header + 1);
    let signature = if t.byte(claims) == b'.' {
        part(claims + 1)
    } else {
        claims
    };
    (claims - header >= 12).then_some((start, signature))
}

fn is_url_safe(b: u8) -> bool {
    is_word(b) || b == b'-'
}

/// `Authorization: Bearer …` and `Basic …`.
fn scheme(t: Text<'_>, start: usize) -> Option<(usize, usize)> {
    let words = ["bearer ", "basic "];
    let word = words.into_iter().find(|word| t.has(start, word))?;
    let end = t.run(start + word.len(), 4, |b| matches!(b, b' ' | b'\t'));
    let last = t.run(end, 4096, |b| {
        is_url_safe(b) || matches!(b, b'.' | b'~' | b'+' | b'/' | b'=')
    });
    let last = t.run_back(last, 3, |b| b == b'.').max(end);
    let value = t.slice(end, last);
    let basic = t.has(start, "basic");
    let long_enough = value.len() >= if basic { 12 } else { 16 };
    (long_enough && random(value)).then_some((end, last))
}

/// Azure client secrets have `Q~` after a digit, four characters in.
pub(super) fn azure(t: Text<'_>, tilde: usize) -> Option<(usize, usize)> {
    let (start, end) = (tilde.checked_sub(1)?, tilde + 1);
    let of_secret = |b: u8| is_url_safe(b) || matches!(b, b'~' | b'.');
    let first = start.checked_sub(4)?;
    let last = t.run(end, 40, of_secret);
    let last = t.run_back(last, 2, |b| b == b'.').max(end);
    let fits = t.back(start, 1).is_ascii_digit()
        && t.run_back(start, 5, of_secret) == first
        && (31..=34).contains(&(last - end));
    fits.then_some((first, last))
}

/// Whether characters were drawn by a machine: letters and digits take turns, few repeat.
pub(super) fn random(value: &str) -> bool {
    let look = Look::of(value);
    look.varied && look.mixed && look.turning && look.wordless
}

/// Whether most of a value is words, as in `FilterOrBool`.
fn spells_words(value: &str) -> bool {
    let counts = Counts::of(value);
    counts.capital_pairs == 0 && counts.in_words * 2 >= value.len()
}

/// What the characters of a value look like.
struct Look {
    /// Few repeat.
    varied: bool,
    /// Letters and digits, or letters of both cases that take turns.
    mixed: bool,
    /// Digits are many or stand here and there.
    turning: bool,
    /// What is left between the digits spells no words.
    wordless: bool,
}

/// Counted over the bytes of a value.
#[derive(Default)]
struct Counts {
    lower: usize,
    upper: usize,
    digits: usize,
    /// Changes between lower case, upper case and digits.
    turns: usize,
    digit_runs: usize,
    capital_pairs: usize,
    /// Letters in runs of three or more in lower case, as in words.
    in_words: usize,
}

impl Counts {
    fn of(value: &str) -> Self {
        let mut counts = Self::default();
        let (mut last, mut run) = (0, 0);
        for b in value.bytes() {
            let class = match b {
                b'0'..=b'9' => 1,
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 3,
                _ => 0,
            };
            counts.digits += usize::from(class == 1);
            counts.lower += usize::from(class == 2);
            counts.upper += usize::from(class == 3);
            counts.turns += usize::from(class != last && class != 0 && last != 0);
            counts.digit_runs += usize::from(class == 1 && last != 1);
            counts.capital_pairs += usize::from(class == 3 && last == 3);
            run = if class == 2 { run + 1 } else { 0 };
            counts.in_words += match run {
                0..=2 => 0,
                3 => 3,
                _ => 1,
            };
            last = class;
        }
        counts
    }
}

impl Look {
    fn of(value: &str) -> Self {
        let seen = value.bytes().fold(0_u128, |seen, b| seen | 1 << (b & 0x7F));
        let counts = Counts::of(value);
        let length = value.len().max(1);
        let letters = counts.lower + counts.upper;
        // Words joined without signs begin with capitals.
        let one_case = counts.lower.min(counts.upper) == 0
            && letters + counts.digits == length
            && counts.digits >= 2
            && length >= 20;
        let wordless = counts.digit_runs >= 2
            || counts.capital_pairs * 8 >= length
            || counts.in_words * 10 < length * 3;
        Self {
            varied: seen.count_ones() as usize >= length.min(32) / 5 + 3,
            mixed: letters >= 2 && (counts.digits >= 1 || counts.turns * 3 >= length),
            turning: counts.turns * 4 >= length || counts.digits * 6 >= length || one_case,
            wordless,
        }
    }
}
