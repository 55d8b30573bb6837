//! One pass over the bytes: each sign that begins or joins a value has its recogniser.

use std::cell::OnceCell;

use super::PiiType;
use super::network;
use super::numbers::{self, Value, is_digit};
use super::secrets;
use super::spoken;
use super::text::{Text, is_escape, is_word, word_before};

/// How much a recogniser's word counts against another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// The value has a form of its own or passed a check.
    Sure,
    /// Only its name says what it is.
    Named,
}

/// What a byte may be to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Idle,
    Letter,
    Sign,
}

static KINDS: [Kind; 128] = {
    let mut kinds = [Kind::Idle; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        #[allow(clippy::indexing_slicing, reason = "the byte is below 128")]
        {
            kinds[byte as usize] = match byte {
                b'a'..=b'z' | b'A'..=b'Z' => Kind::Letter,
                b'0'..=b'9' | b'@' | b':' | b'=' | b'>' | b'%' | b'&' | b',' | b'-' | b'~' => {
                    Kind::Sign
                }
                _ => Kind::Idle,
            };
        }
        byte += 1;
    }
    kinds
};

fn kind_of(b: u8) -> Kind {
    KINDS.get(usize::from(b)).copied().unwrap_or(Kind::Idle)
}

/// Calls `found` with every value; values may overlap.
pub(super) fn run(text: &str, found: impl FnMut(Trust, Value)) {
    let names = OnceCell::new();
    let mut scan = Scan {
        t: Text::new(text, &names),
        assigned_until: 0,
        found,
    };
    let mut at = 0;
    while let Some(next) = scan.next_sign(at) {
        at = scan.at(next);
    }
}

struct Scan<'a, F> {
    t: Text<'a>,
    /// Up to here values of assignments were looked at already.
    assigned_until: usize,
    found: F,
}

impl<F: FnMut(Trust, Value)> Scan<'_, F> {
    /// The next sign that may begin or join a value; words are looked at on the way.
    fn next_sign(&mut self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.t.bytes().get(at..)?;
            at += rest.iter().position(|b| kind_of(*b) != Kind::Idle)?;
            if kind_of(self.t.byte(at)) == Kind::Sign {
                return Some(at);
            }
            let end = self.t.run(at, usize::MAX, |b| b.is_ascii_alphabetic());
            at = self.word(at).unwrap_or(end);
        }
    }

    /// A secret with a form of its own, or `… is …` between a name and a secret.
    fn word(&mut self, at: usize) -> Option<usize> {
        let t = self.t;
        let at = at + usize::from(t.back(at, 1) == b'\\' && is_escape(t, at + 1));
        if word_before(t, at) {
            return None;
        }
        if t.has(at, "is ") && t.back(at, 1) == b' ' {
            self.assignment(at, at + 2);
            return None;
        }
        if t.has(at, "dot ") && t.back(at, 1) == b' ' {
            let value = spoken::email(t, at)?;
            (self.found)(Trust::Sure, value);
            return Some(value.2);
        }
        self.secret(secrets::at_word(t, at))
    }

    /// Looks at one sign; says where to go on.
    fn at(&mut self, at: usize) -> usize {
        let t = self.t;
        match t.byte(at) {
            b'@' => self.email(at, 1),
            b'%' if t.has(at, "%40") => self.email(at, 3),
            b'&' if t.has(at, "&#64;") => self.email(at, 5),
            b':' => return self.colon(at),
            b'=' => self.assignment(at, at + 1),
            b'>' if self.ends_tag(at) => self.assignment(at, at + 1),
            // `("password", "…")`
            b',' if matches!(t.back(at, 1), b'"' | b'\'') => self.assignment(at, at + 1),
            b'0'..=b'9' => return self.number(at),
            b'-' if t.back(at, 1) != b'-' && t.has(at, "-----BEGIN ") => {
                return self.secret(secrets::private_key(t, at)).unwrap_or(at + 1);
            }
            b'~' if t.back(at, 1) == b'Q' => {
                return self.secret(secrets::azure(t, at)).unwrap_or(at + 1);
            }
            _ => {}
        }
        at + 1
    }

    /// `<password>` or `=>`
    fn ends_tag(&self, at: usize) -> bool {
        let name = self
            .t
            .run_back(at, 64, |b| is_word(b) || matches!(b, b'-' | b'.'));
        matches!(self.t.back(name, 1), b'<' | b'=')
    }

    fn secret(&mut self, range: Option<(usize, usize)>) -> Option<usize> {
        let (start, end) = range?;
        (self.found)(Trust::Sure, (PiiType::ApiKey, start, end));
        Some(end)
    }

    fn email(&mut self, at: usize, width: usize) {
        if let Some(value) = network::email(self.t, at, width) {
            (self.found)(Trust::Sure, value);
        }
    }

    fn number(&mut self, at: usize) -> usize {
        let end = self.t.run(at, usize::MAX, is_digit);
        match numbers::at(self.t, at, end) {
            Some(value) => {
                (self.found)(Trust::Sure, value);
                value.2.max(end)
            }
            None => end,
        }
    }

    fn colon(&mut self, at: usize) -> usize {
        let t = self.t;
        if t.has(at, "://") {
            if let Some((start, end)) = secrets::url_password(t, at) {
                (self.found)(Trust::Sure, (PiiType::ApiKey, start, end));
            }
            return at + 3;
        }
        let hexadecimal = |b: u8| b.is_ascii_hexdigit() || b == b':';
        if hexadecimal(t.byte(at + 1)) {
            let (value, end) = network::v6(t, at);
            if let Some(value) = value {
                (self.found)(Trust::Sure, value);
                return value.2;
            }
            self.assignment(at, at + 1);
            // Digits after the last colon begin values of their own.
            let last = t.run_back(end, end - at, |b| b != b':');
            return last.max(at + 1);
        }
        self.assignment(at, at + 1);
        at + 1
    }

    fn assignment(&mut self, name: usize, value: usize) {
        if name < self.assigned_until {
            return;
        }
        match secrets::assigned(self.t, name, value) {
            Ok((start, end)) => {
                (self.found)(Trust::Named, (PiiType::ApiKey, start, end));
                self.assigned_until = end;
            }
            Err(end) => self.assigned_until = end,
        }
    }
}
