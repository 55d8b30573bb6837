//! The shapes of the values, one union set to see which occur at all, then each one exactly.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::bytes::{Match, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::PiiType;
use super::checks;

/// One shape. The value is the group `v` when there is one, else the whole match.
struct Shape {
    kind: PiiType,
    pattern: &'static str,
    accept: fn(&Candidate<'_>) -> bool,
}

/// A match in its surroundings.
struct Candidate<'a> {
    text: &'a str,
    value: &'a str,
    start: usize,
    end: usize,
}

impl Candidate<'_> {
    fn before(&self) -> Option<char> {
        self.text
            .get(..self.start)
            .and_then(|t| t.chars().next_back())
    }

    fn after(&self) -> Option<char> {
        self.text.get(self.end..).and_then(|t| t.chars().next())
    }

    /// Whether the value is not a piece of a longer word or number.
    fn stands_alone(&self) -> bool {
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(self.before()) && !joins(self.after())
    }

    /// The same for numbers, which `-`, `.` and `/` would continue.
    fn number_stands_alone(&self) -> bool {
        let tail = self.text.get(self.end..).unwrap_or_default();
        let mut next = tail.chars();
        let goes_on = matches!(next.next(), Some('-' | '.' | '/' | '+'))
            && next.next().is_some_and(|c| c.is_ascii_digit());
        let glued = matches!(self.before(), Some('-' | '.' | '/' | '#' | '='));
        let head = self.text.get(..self.start).unwrap_or_default();
        let comes_from = matches!(self.before(), Some('-' | '.' | '/'))
            && head
                .chars()
                .rev()
                .nth(1)
                .is_some_and(|c| c.is_ascii_alphanumeric());
        self.stands_alone() && !goes_on && !(glued && comes_from)
    }
}

macro_rules! shape {
    ($kind:ident, $pattern:literal, $accept:expr) => {
        Shape {
            kind: PiiType::$kind,
            pattern: $pattern,
            accept: $accept,
        }
    };
}

const SHAPES: &[Shape] = &[
    shape!(
        Email,
        r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,24}",
        email
    ),
    shape!(Ssn, r"\d{3}[- ]\d{2}[- ]\d{4}", |c| c.number_stands_alone()
        && checks::ssn(c.value)),
    shape!(
        Ssn,
        r"(?i:ssn|social security(?: number| no\.?)?|tax ?id)[^\d\n]{0,16}(?P<v>\d{9})",
        |c| c.number_stands_alone() && checks::ssn(c.value)
    ),
    shape!(CreditCard, r"\d(?:[ -]?\d){12,18}", |c| c
        .number_stands_alone()
        && checks::card(c.value)),
    shape!(
        PhoneUs,
        r"(?:\+?1[ .-]?)?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}",
        |c| c.number_stands_alone() && checks::nanp(c.value)
    ),
    shape!(PhoneUs, r"\+1\d{10}", |c| c.number_stands_alone()
        && checks::nanp(c.value)),
    shape!(
        PhoneUs,
        r"(?i:phone|mobile|cell|tel|call|fax|number|text)[^\d\n]{0,16}(?P<v>\d{10})",
        |c| c.number_stands_alone() && checks::nanp(c.value)
    ),
    shape!(
        PhoneIntl,
        r"\+[2-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}",
        phone_intl
    ),
    shape!(IpAddress, r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", ipv4),
    shape!(
        IpAddress,
        r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\d{0,3}(?:\.\d{1,3}){3})?",
        ipv6
    ),
    shape!(Iban, r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", |c| c
        .stands_alone()
        && checks::iban(c.value)),
    shape!(
        DateOfBirth,
        r"(?i:born|birth|dob|d\.o\.b|birthday|birthdate)[^\d\n]{0,24}(?P<v>\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4})",
        date
    ),
    shape!(
        DateOfBirth,
        r"(?i:born|birth|dob|d\.o\.b|birthday|birthdate)[^\d\n]{0,24}?(?P<v>(?i:(?:\d{1,2} )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? (?:\d{1,2},? )?\d{4}))",
        |c| c.stands_alone()
    ),
    shape!(
        PassportUs,
        r"(?i:passport)[^\d\n]{0,24}?(?P<v>[A-Z]?\d{8,9})",
        |c| c.stands_alone()
    ),
    // Secrets with a prefix of their own.
    shape!(ApiKey, r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", |c| c
        .stands_alone()),
    shape!(
        ApiKey,
        r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{40,250}",
        |c| c.stands_alone()
    ),
    shape!(
        ApiKey,
        r"glpat-[A-Za-z0-9_-]{20,64}|gl(?:dt|rt|ptt|soat)-[A-Za-z0-9_-]{20,64}",
        |c| c.stands_alone()
    ),
    shape!(
        ApiKey,
        r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{20,250}",
        |c| c.stands_alone()
    ),
    shape!(ApiKey, r"sk-[A-Za-z0-9_-]{20,250}", random),
    shape!(
        ApiKey,
        r"(?:sk|rk|pk|whsec)_(?:live|test|prod)?_?[A-Za-z0-9]{16,250}",
        random
    ),
    shape!(ApiKey, r"AIza[A-Za-z0-9_-]{35}", |c| c.stands_alone()),
    shape!(ApiKey, r"ya29\.[A-Za-z0-9_-]{20,500}", |c| c.stands_alone()),
    shape!(
        ApiKey,
        r"(?:ag|ag_test|exe_prod|exe_dev)_[A-Za-z0-9]{32,64}",
        random
    ),
    shape!(
        ApiKey,
        r"(?:npm|hf|dop_v1|doo_v1|shpat|shpss|lin_api|PMAK|pypi|r8|tfp|dckr_pat|sq0csp|EAAC)[_-][A-Za-z0-9_-]{20,250}",
        random
    ),
    shape!(
        ApiKey,
        r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
        |c| c.stands_alone()
    ),
    shape!(
        ApiKey,
        r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}",
        |c| c.stands_alone()
    ),
    shape!(
        ApiKey,
        r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,-]*?-----END [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----",
        |_| true
    ),
    shape!(
        ApiKey,
        r"[a-z][a-z0-9+]{1,15}://[^\s:/@]{1,64}:(?P<v>[^\s:/@]{6,128})@",
        |_| true
    ),
    shape!(
        ApiKey,
        r"(?i:bearer|basic) (?P<v>[A-Za-z0-9_.~+/=-]{20,500})",
        random
    ),
    shape!(
        ApiKey,
        r#"(?i:api[_ -]?key|apikey|secret(?:[_ -]?key)?|access[_ -]?(?:key|token)|auth[_ -]?token|private[_ -]?key|client[_ -]?secret|token|passw(?:or)?d|passphrase|pwd|credential)s?["']? ?(?:=>|:=|=|:|is) ?["']?(?P<v>[A-Za-z0-9_./+=~!@#$%^&*-]{8,250})"#,
        assigned
    ),
];

static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSetBuilder::new(SHAPES.iter().map(|shape| shape.pattern))
        .unicode(false)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .ok()
});

static EACH: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
    let compile = |shape: &Shape| {
        RegexBuilder::new(shape.pattern)
            .unicode(false)
            .size_limit(16 << 20)
            .build()
            .ok()
    };
    SHAPES.iter().map(compile).collect()
});

/// Calls `found` with the kind and byte range of every value.
pub(super) fn run(text: &str, mut found: impl FnMut(PiiType, usize, usize)) {
    if text.len() < 6 {
        return;
    }
    let Some(set) = SET.as_ref() else { return };
    for index in &set.matches(text.as_bytes()) {
        let (Some(shape), Some(Some(regex))) = (SHAPES.get(index), EACH.get(index)) else {
            continue;
        };
        scan(text, shape, regex, &mut found);
    }
}

/// Every accepted value of one shape.
fn scan(text: &str, shape: &Shape, regex: &Regex, found: &mut impl FnMut(PiiType, usize, usize)) {
    for captures in regex.captures_iter(text.as_bytes()) {
        let Some(value) = captures.name("v").or_else(|| captures.get(0)) else {
            continue;
        };
        let Some(whole) = candidate(text, value) else {
            continue;
        };
        if (shape.accept)(&whole) {
            found(shape.kind, whole.start, whole.end);
        } else if shape.kind == PiiType::CreditCard
            && let Some(part) = card_within(&whole)
        {
            found(shape.kind, part.start, part.end);
        }
    }
}

/// A card number among other groups of digits: `4111 1111 1111 1111 123`.
fn card_within<'a>(whole: &Candidate<'a>) -> Option<Candidate<'a>> {
    let groups: Vec<(usize, usize)> = groups(whole.value);
    // Digits set apart one by one would be tried in every combination.
    if groups.len() < 2 || groups.len() > 8 {
        return None;
    }
    groups.iter().enumerate().find_map(|(i, (first, _))| {
        groups.iter().skip(i).rev().find_map(|(_, last)| {
            let value = whole.value.get(*first..*last)?;
            let (start, end) = (whole.start + first, whole.start + last);
            let part = Candidate {
                text: whole.text,
                value,
                start,
                end,
            };
            checks::card(value).then_some(part)
        })
    })
}

/// Where the groups of digits are.
fn groups(value: &str) -> Vec<(usize, usize)> {
    let mut at = 0;
    let groups = value.split([' ', '-']).map(|group| {
        let start = at;
        at += group.len() + 1;
        (start, start + group.len())
    });
    groups.collect()
}

/// Values are ASCII, so their ends are character boundaries; trailing signs are not part of them.
fn candidate<'a>(text: &'a str, value: Match<'_>) -> Option<Candidate<'a>> {
    let raw = text.get(value.range())?;
    let value_ = raw.trim_end_matches([' ', '.', '-']);
    let value_ = value_.trim_start_matches(['.', '\'']);
    let start = value.start() + (raw.len() - raw.trim_start_matches(['.', '\'']).len());
    Some(Candidate {
        text,
        value: value_,
        start,
        end: start + value_.len(),
    })
}

fn email(c: &Candidate<'_>) -> bool {
    let Some((local, domain)) = c.value.rsplit_once('@') else {
        return false;
    };
    let label =
        |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-');
    local.len() <= 64
        && domain.len() <= 253
        && !local.contains("..")
        && domain.split('.').all(label)
}

fn phone_intl(c: &Candidate<'_>) -> bool {
    let digits = checks::only_digits(c.value);
    (8..=15).contains(&digits.len()) && c.number_stands_alone()
}

fn ipv4(c: &Candidate<'_>) -> bool {
    let version = matches!(c.before(), Some('v' | 'V' | '/' | '-' | '.'))
        || c.text.get(..c.start).is_some_and(|head| {
            let tail: String = head
                .chars()
                .rev()
                .take(10)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .collect();
            let tail = tail.to_ascii_lowercase();
            ["version ", "version: ", "release ", "ver. ", "ver ", "v. "]
                .iter()
                .any(|w| tail.ends_with(w))
        });
    !version && c.number_stands_alone() && c.value.parse::<Ipv4Addr>().is_ok()
}

fn ipv6(c: &Candidate<'_>) -> bool {
    let enough = c.value.len() >= 6 && c.value.chars().any(|c| c.is_ascii_digit());
    enough
        && c.stands_alone()
        && !matches!(c.before(), Some(':'))
        && !matches!(c.after(), Some(':'))
        && c.value.parse::<Ipv6Addr>().is_ok()
}

/// A calendar date in the order year first, or day and month in either order.
fn date(c: &Candidate<'_>) -> bool {
    let parts: Vec<i32> = c
        .value
        .split(['-', '/', '.', ' '])
        .filter_map(|p| p.parse().ok())
        .collect();
    let [a, b, y] = parts.as_slice() else {
        return false;
    };
    let valid = |y: i32, m: i32, d: i32| {
        let (Ok(m), Ok(d)) = (u32::try_from(m), u32::try_from(d)) else {
            return false;
        };
        let year = if y < 100 { 1900 + y } else { y };
        (1880..=2100).contains(&year) && NaiveDate::from_ymd_opt(year, m, d).is_some()
    };
    c.stands_alone() && (valid(*a, *b, *y) || valid(*y, *a, *b) || valid(*y, *b, *a))
}

/// A prefixed secret whose tail is random rather than words.
fn random(c: &Candidate<'_>) -> bool {
    let mixed = c.value.chars().any(|c| c.is_ascii_digit());
    c.stands_alone() && mixed && checks::entropy_centibits(c.value) >= 300
}

/// The value of an assignment to a name that says it is secret.
fn assigned(c: &Candidate<'_>) -> bool {
    let digits = c.value.chars().filter(char::is_ascii_digit).count();
    let signs = c
        .value
        .chars()
        .filter(|c| !c.is_ascii_alphanumeric())
        .count();
    let letters = c.value.len() - digits - signs;
    digits >= 1 && letters >= 2 && checks::entropy_centibits(c.value) >= 270
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert!(SET.is_some());
        assert!(EACH.iter().all(Option::is_some));
    }
}
