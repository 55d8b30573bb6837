//! Phone numbers: North American ones, those with a country code, those dialled within a country.

use super::PiiType;
use super::checks;
use super::context::{Topic, is_about};
use super::numbers::{Value, is_digit, may_start};
use super::text::{Edge, Text, edge_before, goes_on, is_word};

/// North American numbers in their usual forms.
pub(super) fn at_home(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
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
    let sign = t.byte(at);
    // `252.227-7013` is a clause of a regulation.
    let uneven = !bracket && (t.back(at, 4) == b'.') != (sign == b'.');
    if uneven {
        return None;
    }
    exactly(t, at + usize::from(matches!(sign, b' ' | b'-' | b'.')), 4)
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
pub(super) fn after_plus(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
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
/// the 15 of E.164. A group in brackets is not the last.
fn groups_of_phone(t: Text<'_>, start: usize) -> (usize, usize) {
    let mut end = t.run(start, 16, is_digit);
    let mut digits = end - start;
    let mut last = (end, digits);
    for _ in 0..7 {
        let at = end + usize::from(matches!(t.byte(end), b' ' | b'-' | b'.' | b'/'));
        let open = t.byte(at) == b'(';
        let from = at + usize::from(open);
        let to = t.run(from, 13, is_digit);
        let unclosed = open && t.byte(to) != b')';
        if at == end && !open && t.back(end, 1) != b')' || to == from || unclosed {
            break;
        }
        digits += to - from;
        if digits > 15 {
            break;
        }
        end = to + usize::from(open);
        if !open {
            last = (end, digits);
        }
    }
    last
}

/// A number as it is dialled within its country, beside a word that says so.
pub(super) fn national(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
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
