//! Numbers of people: cards, social security, phones, passports, bank accounts.

use super::PiiType;
use super::checks;
use super::context::{Topic, is_about, topic};
use super::dates;
use super::network;
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
        (b'+', _) => return abroad(t, start, end),
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
        .or_else(|| phone(t, start, end))
        .or_else(|| passport(t, start, end))
        .or_else(|| dates::numeric(t, start, end))
        .or_else(|| national_phone(t, start, end))
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
fn may_start(t: Text<'_>, start: usize, end: usize, wanted: Topic) -> bool {
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
    let (mut end, mut count) = (end, end - start);
    let mut best = None;
    for _ in 1..MAX_GROUPS {
        if t.byte(end) != between {
            break;
        }
        let next = t.run(end + 1, 13, is_digit);
        let group = next - end - 1;
        if group < 2 || is_word(t.byte(next)) {
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

/// North American numbers in their usual forms.
fn phone(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let (first, area) = match end - start {
        1 if t.byte(start) == b'1' => (start, trunk(t, end)?),
        3 if t.slice(start, end) == "001" => (start, trunk(t, end)?),
        3 if t.back(start, 1) == b'(' && t.byte(end) == b')' => (start - 1, start - 1),
        3 => (start, start),
        10 | 11 => return plain_phone(t, start, end),
        _ => return None,
    };
    let end = local(t, area)?;
    let number = t.slice(area, end);
    let sure = first < area || t.byte(area) == b'(';
    let valid = checks::nanp(number)
        || (checks::fictitious(number) && (sure || is_about(t, first, end, Topic::Phone)));
    (valid && ends_phone(t, end) && may_start(t, first, end, Topic::Phone)).then_some((
        PiiType::PhoneUs,
        first,
        end,
    ))
}

/// The sign after a country code, if any.
fn trunk(t: Text<'_>, end: usize) -> Option<usize> {
    match t.byte(end) {
        b'(' => Some(end),
        b' ' | b'-' | b'.' | b'/' => Some(end + 1),
        _ => None,
    }
}

/// Area, exchange and line: `(415) 555-2671`, `415.555.2671`; returns the end.
fn local(t: Text<'_>, area: usize) -> Option<usize> {
    let bracket = t.byte(area) == b'(';
    let area = area + usize::from(bracket);
    let mut at = exactly(t, area, 3)?;
    if bracket {
        at = if t.byte(at) == b')' {
            at + 1
        } else {
            return None;
        };
        at += usize::from(matches!(t.byte(at), b' ' | b'-' | b'.'));
    } else if matches!(t.byte(at), b' ' | b'-' | b'.' | b'/') {
        at += 1;
    } else {
        return None;
    }
    let at = exactly(t, at, 3).or_else(|| exactly(t, at, 7).filter(|_| bracket).map(|_| at + 3))?;
    let at = at + usize::from(matches!(t.byte(at), b' ' | b'-' | b'.'));
    exactly(t, at, 4)
}

/// The end of a run of exactly so many digits.
fn exactly(t: Text<'_>, start: usize, digits: usize) -> Option<usize> {
    let end = t.run(start, digits + 1, is_digit);
    (end - start == digits).then_some(end)
}

/// Ten digits in a row say nothing by themselves.
fn plain_phone(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let digits = t.slice(start, end);
    let valid = checks::nanp(digits) || checks::fictitious(digits);
    let free = edge_before(t, start) != Edge::Number && ends_phone(t, end);
    (valid && free && is_about(t, start, end, Topic::Phone)).then_some((
        PiiType::PhoneUs,
        start,
        end,
    ))
}

/// An extension may follow a phone number directly.
fn ends_phone(t: Text<'_>, end: usize) -> bool {
    let extension = t.has(end, "x") && is_digit(t.byte(end + 1)) || t.has(end, "ext");
    extension || !goes_on(t, end)
}

/// After a plus sign: E.164.
fn abroad(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let plus = start - 1;
    if is_word(t.back(plus, 1)) && edge_before(t, plus) != Edge::Free {
        return None;
    }
    if t.byte(start) == b'1' {
        let end = match end - start {
            1 => local(t, trunk(t, end)?)?,
            4 => local_after_area(t, end)?,
            11 => end,
            _ => return None,
        };
        let digits = t.slice(start, end);
        let valid = checks::nanp(digits) || checks::fictitious(digits);
        return (valid && ends_phone(t, end)).then_some((PiiType::PhoneUs, plus, end));
    }
    let end = international(t, start)?;
    Some((PiiType::PhoneIntl, plus, end))
}

/// `+1415 555 2671`
fn local_after_area(t: Text<'_>, area_end: usize) -> Option<usize> {
    let sign = |at: usize| at + usize::from(matches!(t.byte(at), b' ' | b'-' | b'.'));
    let exchange = exactly(t, sign(area_end), 3)?;
    exactly(t, sign(exchange), 4)
}

/// A number with its country code, in groups of any size; returns the end.
fn international(t: Text<'_>, start: usize) -> Option<usize> {
    let code = checks::country_code(t.bytes_after(start, 3))?;
    let (end, digits) = groups_of_phone(t, start);
    let national = digits.checked_sub(code)?;
    let fits = (6..=13).contains(&national) && (8..=15).contains(&digits);
    (fits && ends_phone(t, end)).then_some(end)
}

/// The end of groups of digits as in phone numbers, and how many digits they hold; never more than
/// the 15 of E.164.
fn groups_of_phone(t: Text<'_>, start: usize) -> (usize, usize) {
    let mut end = t.run(start, 16, is_digit);
    let mut digits = end - start;
    for _ in 0..7 {
        let at = end + usize::from(matches!(t.byte(end), b' ' | b'-' | b'.' | b'/'));
        let open = t.byte(at) == b'(';
        let from = at + usize::from(open);
        let to = t.run(from, 13, is_digit);
        let closed = !open || t.byte(to) == b')';
        if at == end && !open || to == from || !closed || digits + (to - from) > 15 {
            break;
        }
        digits += to - from;
        end = to + usize::from(open);
    }
    let bracket = t.back(end, 1) == b')';
    if bracket {
        (
            t.run_back(end - 1, 6, |b| b != b'(').saturating_sub(1),
            digits,
        )
    } else {
        (end, digits)
    }
}

/// A number as it is dialled within its country, beside a word that says so.
fn national_phone(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    if t.byte(start) != b'0' || end - start > 15 {
        return None;
    }
    let first = start - usize::from(t.back(start, 1) == b'(');
    let (last, digits) = if first < start {
        groups_of_phone_in_brackets(t, start, end)?
    } else {
        groups_of_phone(t, start)
    };
    let plausible = (9..=15).contains(&digits)
        && ends_phone(t, last)
        && edge_before(t, first) != Edge::Number
        && is_about(t, first, last, Topic::Phone);
    plausible.then_some((PiiType::PhoneIntl, first, last))
}

/// `(020) 7946 0958`
fn groups_of_phone_in_brackets(t: Text<'_>, start: usize, end: usize) -> Option<(usize, usize)> {
    let after = end + 1 + usize::from(t.byte(end + 1) == b' ');
    if t.byte(end) != b')' || !is_digit(t.byte(after)) {
        return None;
    }
    let (last, digits) = groups_of_phone(t, after);
    Some((last, digits + end - start))
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
