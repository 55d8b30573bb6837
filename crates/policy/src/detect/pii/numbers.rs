//! Numbers of people: cards, social security, passports, bank accounts.

use super::PiiType;
use super::checks;
use super::context::{Topic, is_about, topic};
use super::dates;
use super::network;
use super::phones;
use super::text::{Edge, Text, edge_before, goes_on, is_word, word_before};

/// A value that was recognised: what it is and where.
pub(super) type Value = (PiiType, usize, usize);

/// Most groups of digits a card number is written in.
const MAX_GROUPS: usize = 8;

pub(super) fn is_digit(b: u8) -> bool {
    b.is_ascii_digit()
}

/// The value that a run of digits begins.
pub(super) fn at(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    if end - start >= 2
        && let Some(value) = iban(t, start)
    {
        return Some(value);
    }
    if is_part_of_word(t, start, end) {
        return None;
    }
    match (t.back(start, 1), end - start) {
        (b'+', _) => return phones::after_plus(t, start, end),
        (_, 1..=3)
            if t.byte(end) == b'.'
                && let Some(value) = network::v4(t, start) =>
        {
            return Some(value);
        }
        (_, 1) if let Some(value) = spelled_out(t, start) => return Some(value),
        (_, 8..=10) if t.has(end, ":AA") => return telegram(t, start, end),
        _ => {}
    }
    card(t, start, end)
        .or_else(|| ssn(t, start, end))
        .or_else(|| phones::at_home(t, start, end))
        .or_else(|| passport(t, start, end))
        .or_else(|| dates::numeric(t, start, end))
        .or_else(|| phones::national(t, start, end))
}

/// Most digits in a text are part of words such as hashes; these are seen off at once.
fn is_part_of_word(t: Text<'_>, start: usize, end: usize) -> bool {
    let (before, after) = (t.back(start, 1), t.byte(end));
    let goes_on = after.is_ascii_alphabetic() || after == b'_';
    let glued =
        (before.is_ascii_alphabetic() || before == b'_') && edge_before(t, start) == Edge::Word;
    let counted = end - start <= 2 || matches!(after, b'x' | b'X' | b'e' | b'E');
    goes_on && (glued || !counted)
}

/// Whether a value may start here, given what it would be.
pub(super) fn may_start(t: Text<'_>, start: usize, end: usize, wanted: Topic) -> bool {
    match edge_before(t, start) {
        Edge::Free => true,
        Edge::Word => is_about(t, start, end, wanted),
        Edge::Number => false,
    }
}

/// Telegram's bots: a number, a colon, 35 characters.
fn telegram(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let last = t.run(end + 1, 40, |b| is_word(b) || b == b'-');
    let whole = (34..=36).contains(&(last - end - 1)) && edge_before(t, start) == Edge::Free;
    whole.then_some((PiiType::ApiKey, start, last))
}

/// ISO 13616: two letters before the digits, a length by country, blanks or hyphens between.
fn iban(t: Text<'_>, digits: usize) -> Option<Value> {
    let start = digits.checked_sub(2)?;
    let country = t.slice(start, digits);
    if !country.bytes().all(|b| b.is_ascii_alphabetic()) || word_before(t, start) {
        return None;
    }
    let length = checks::iban_length(country)?;
    let mut end = start;
    let mut taken = 0;
    while taken < length {
        match t.byte(end) {
            b if b.is_ascii_alphanumeric() => taken += 1,
            b' ' | b'-' | b'.' if t.byte(end + 1).is_ascii_alphanumeric() => {}
            _ => return None,
        }
        end += 1;
    }
    let whole = !is_word(t.byte(end)) && checks::iban(t.slice(start, end));
    whole.then_some((PiiType::Iban, start, end))
}

/// Digits set apart one by one: `4 1 1 1 …`. Looked at once, where the row starts.
fn spelled_out(t: Text<'_>, start: usize) -> Option<Value> {
    let between = t.byte(start + 1);
    let row =
        |at: usize| t.byte(at) == between && is_digit(t.byte(at + 1)) && !is_digit(t.byte(at + 2));
    let inside = t.back(start, 1) == between && is_digit(t.back(start, 2));
    if !matches!(between, b' ' | b'-') || !is_digit(t.byte(start + 2)) || inside || !row(start + 1)
    {
        return None;
    }
    let mut end = start + 1;
    while row(end) && end - start < 2 * 20 {
        end += 2;
    }
    let digits = t.slice(start, end);
    let count = (end - start).div_ceil(2);
    if (14..=19).contains(&count) && checks::card(digits) {
        return Some((PiiType::CreditCard, start, end));
    }
    let named = count == 9 && checks::ssn(digits) && is_about(t, start, end, Topic::Ssn);
    named.then_some((PiiType::Ssn, start, end))
}

/// ISO/IEC 7812, in one piece or in groups of four or more with the same sign between.
fn card(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    if end - start < 4 || t.byte(start) == b'0' {
        return None;
    }
    let value = if end - start >= 13 {
        plain_card(t, start, end)?
    } else {
        grouped_card(t, start, end)?
    };
    may_start(t, start, value, Topic::Card).then_some((PiiType::CreditCard, start, value))
}

fn plain_card(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let length = end - start;
    let goes_on = goes_on(t, end) && t.byte(end) != b'/';
    if length > 19 || goes_on || !checks::card(t.slice(start, end)) {
        return None;
    }
    // Other numbers have these lengths more often than cards do.
    let usual = matches!(length, 14..=16);
    (usual || is_about(t, start, end, Topic::Card)).then_some(end)
}

fn grouped_card(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let between = t.byte(end);
    if !matches!(between, b' ' | b'-' | b'.') || !is_digit(t.byte(end + 1)) {
        return None;
    }
    if !checks::card_prefix(t.slice(start, start + 4)) {
        return None;
    }
    if end - start > 8 || between == b'.' && end - start != 4 {
        return None;
    }
    let (mut end, mut count) = (end, end - start);
    let mut best = None;
    for _ in 1..MAX_GROUPS {
        if t.byte(end) != between {
            break;
        }
        let next = t.run(end + 1, 13, is_digit);
        let group = next - end - 1;
        let odd = !(2..=8).contains(&group) || between == b'.' && group != 4;
        if odd || is_word(t.byte(next)) {
            break;
        }
        (end, count) = (next, count + group);
        if count > 19 {
            break;
        }
        let plausible = group >= 3 && (13..=19).contains(&count);
        let whole = !goes_on(t, end) || t.byte(end) == b'/';
        if plausible && whole && checks::card(t.slice(start, end)) {
            best = Some(end);
            if count <= 16 {
                break;
            }
        }
    }
    best
}

/// `ddd-dd-dddd`, or nine digits beside a word that says so.
fn ssn(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let (end, named) = match end - start {
        3 => (grouped(t, start, &[3, 2, 4])?, false),
        9 => (end, true),
        _ => return None,
    };
    if goes_on(t, end) || !checks::ssn(t.slice(start, end)) {
        return None;
    }
    let named = named || t.byte(start + 3) == b'.';
    let free = if named {
        edge_before(t, start) != Edge::Number && is_about(t, start, end, Topic::Ssn)
    } else {
        may_start(t, start, end, Topic::Ssn)
    };
    free.then_some((PiiType::Ssn, start, end))
}

/// The end of groups of these sizes with one and the same sign between.
fn grouped(t: Text<'_>, start: usize, sizes: &[usize]) -> Option<usize> {
    let mut end = start;
    let mut between = None;
    for (i, size) in sizes.iter().enumerate() {
        if i > 0 {
            let sign = t.byte(end);
            if !matches!(sign, b' ' | b'-' | b'.') || *between.get_or_insert(sign) != sign {
                return None;
            }
            end += 1;
        }
        let next = t.run(end, size + 1, is_digit);
        if next - end != *size {
            return None;
        }
        end = next;
    }
    Some(end)
}

/// Nine digits, or a letter and eight, beside the word.
fn passport(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let letter = t.back(start, 1).is_ascii_uppercase() && !is_word(t.back(start, 2));
    let first = match (letter, end - start) {
        (true, 8) => start - 1,
        (false, 9) => start,
        _ => return None,
    };
    let free = edge_before(t, first) == Edge::Free && !goes_on(t, end);
    (free && topic(t, first, end) == Some(Topic::Passport)).then_some((
        PiiType::PassportUs,
        first,
        end,
    ))
}
