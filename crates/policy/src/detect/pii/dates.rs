//! Dates of birth: a calendar date beside a word that says so.

use chrono::NaiveDate;

use super::PiiType;
use super::context::{Topic, is_about};
use super::numbers::{Value, is_digit};
use super::text::{Edge, Text, edge_before, is_word};

/// The month whose name begins with these three letters, in the languages the context words cover;
/// full names only add letters.
fn month_of(three: [u8; 3]) -> Option<u32> {
    Some(match &three {
        b"jan" | b"ene" | b"gen" | b"sty" | b"oca" => 1,
        b"feb" | b"fev" | b"lut" => 2,
        b"mar" | b"maa" | b"mrt" => 3,
        b"apr" | b"avr" | b"abr" | b"kwi" | b"nis" => 4,
        b"may" | b"mai" | b"mag" | b"mei" | b"maj" => 5,
        b"jun" | b"giu" | b"cze" | b"haz" => 6,
        b"jul" | b"lug" | b"lip" | b"tem" => 7,
        b"aug" | b"aou" | b"ago" | b"sie" => 8,
        b"sep" | b"set" | b"wrz" | b"eyl" => 9,
        b"oct" | b"okt" | b"ott" | b"out" | b"eki" => 10,
        b"nov" | b"lis" | b"kas" => 11,
        b"dec" | b"dez" | b"dic" | b"gru" | b"ara" => 12,
        _ => return None,
    })
}

/// Beginnings that three letters of ASCII do not tell.
const MONTHS: &[(u32, &str)] = &[
    (1, "jän|янв"),
    (2, "fév|фев|şub"),
    (3, "mär|мар"),
    (4, "апр"),
    (5, "мая|май"),
    (6, "juin|июн"),
    (7, "juil|июл"),
    (8, "aoû|авг|ağu"),
    (9, "сен"),
    (10, "окт|paź"),
    (11, "ноя"),
    (12, "déc|дек"),
];

/// A date whose first part is the run of digits: `1984-02-29`, `29.02.84`, `29 February 1984`,
/// `1984年2月29日`.
pub(super) fn numeric(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let last = match (end - start, t.byte(end)) {
        (8, _) => compact(t, start, end),
        (4, b'-' | b'/' | b'.' | b' ' | 0x80..) => separated(t, start, end),
        (1 | 2, b'-' | b'/' | b'.' | b' ') if is_digit(t.byte(end + 1)) => {
            separated(t, start, end).or_else(|| month_day_year(t, start, end))
        }
        (1 | 2, b'-' | b'.' | b' ' | b',' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) => {
            separated(t, start, end)
                .or_else(|| day_month_year(t, start, end))
                .or_else(|| month_day_year(t, start, end))
        }
        _ => None,
    }?;
    birth(t, start_of_month(t, start, end), last)
}

fn birth(t: Text<'_>, start: usize, end: usize) -> Option<Value> {
    let free = edge_before(t, start) == Edge::Free && !is_word(t.byte(end));
    (free && is_about(t, start, end, Topic::Birth)).then_some((PiiType::DateOfBirth, start, end))
}

/// Three numbers with the same sign between.
fn separated(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let sign = sign_at(t, end)?;
    let second = t.run(end + sign.len(), 3, is_digit);
    let next = sign_at(t, second)?;
    let third_from = second + next.len();
    let third = t.run(third_from, 5, is_digit);
    let asian = sign == "年" && next == "月";
    if !asian && sign.trim() != next.trim() {
        return None;
    }
    let lengths = (end - start, second - end - sign.len(), third - third_from);
    if !matches!(lengths, (4, 1..=2, 1..=2) | (1..=2, 1..=2, 2 | 4)) {
        return None;
    }
    let parts = [
        t.slice(start, end),
        t.slice(end + sign.len(), second),
        t.slice(third_from, third),
    ];
    let [a, b, c] = parts.map(|part| part.parse::<i32>().ok());
    let (a, b, c) = (a?, b?, c?);
    let year_first = end - start == 4;
    let valid = if year_first {
        date(a, b, c)
    } else {
        let year = year_of(third - third_from, c)?;
        date(year, a, b) || date(year, b, a)
    };
    let tail = if asian && t.slice(third, third + "日".len()) == "日" {
        "日".len()
    } else {
        0
    };
    valid.then_some(third + tail)
}

/// The sign between two numbers of a date.
fn sign_at(t: Text<'_>, at: usize) -> Option<&'static str> {
    let sign = match t.byte(at) {
        b'.' if t.byte(at + 1) == b' ' => ". ",
        b'.' => ".",
        b'-' => "-",
        b'/' => "/",
        b' ' => " ",
        _ => ["年", "月"].into_iter().find(|sign| t.has(at, sign))?,
    };
    is_digit(t.byte(at + sign.len())).then_some(sign)
}

/// `19840229`
fn compact(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let number = |from: usize, to: usize| t.slice(start + from, start + to).parse().ok();
    let valid = end - start == 8
        && (date(number(0, 4)?, number(4, 6)?, number(6, 8)?)
            || date(number(4, 8)?, number(2, 4)?, number(0, 2)?));
    valid.then_some(end)
}

/// `29 February 1984`, `29. Februar 1984`, `29 de febrero de 1984`, `1st of May 1990`
fn day_month_year(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let day = t.slice(start, end).parse().ok()?;
    let at = ["st", "nd", "rd", "th", "er", ".", "º"]
        .into_iter()
        .find(|ending| t.has(end, ending))
        .map_or(end, |ending| end + ending.len());
    let at = skip(t, at, &[" of ", " de ", "-", " "])?;
    let (month, at) = month(t, at)?;
    let at = skip(t, at, &[" de ", " del ", ", ", "-", " "])?;
    let (year, last) = year_at(t, at)?;
    date(year, i32::try_from(month).ok()?, day).then_some(last)
}

/// `February 29, 1984`, with the month before the digits.
fn month_day_year(t: Text<'_>, start: usize, end: usize) -> Option<usize> {
    let from = start_of_month(t, start, end);
    let (month, _) = month(t, from).filter(|_| from < start)?;
    let at = ["st", "nd", "rd", "th"]
        .into_iter()
        .find(|ending| t.has(end, ending))
        .map_or(end, |ending| end + ending.len());
    let at = skip(t, at, &[", ", ",", " "])?;
    let (year, last) = year_at(t, at)?;
    let day = t.slice(start, end).parse().ok()?;
    date(year, i32::try_from(month).ok()?, day).then_some(last)
}

/// Where a month's name that ends right before the digits starts; else where they start.
fn start_of_month(t: Text<'_>, start: usize, end: usize) -> usize {
    let letter = |b: u8| b.is_ascii_alphabetic() || b >= 0x80;
    let word = letter(t.back(start, 2)) || letter(t.back(start, 3));
    if end - start > 2 || t.back(start, 1) != b' ' || !word {
        return start;
    }
    let to = start - 1 - usize::from(matches!(t.back(start, 2), b'.' | b','));
    let from = t.run_back(to, 20, |b| b.is_ascii_alphabetic() || b >= 0x80);
    let named = month(t, from).is_some_and(|(_, stop)| stop >= to);
    if named && !is_word(t.back(from, 1)) {
        from
    } else {
        start
    }
}

/// The month whose name starts here, and where the name ends.
fn month(t: Text<'_>, at: usize) -> Option<(u32, usize)> {
    let three = [t.byte(at), t.byte(at + 1), t.byte(at + 2)].map(|b| b.to_ascii_lowercase());
    let known = month_of(three);
    let other = !three.is_ascii() || &three == b"jui";
    if known.is_none() && !other {
        return None;
    }
    let end = t.run(at, 25, |b| b.is_ascii_alphabetic() || b >= 0x80);
    let name = t.slice(at, end);
    let by_name = || {
        let name = name.to_lowercase();
        let begins = |(_, starts): &&(u32, &str)| starts.split('|').any(|s| name.starts_with(s));
        MONTHS.iter().find(begins).map(|(month, _)| *month)
    };
    let month = known.or_else(by_name)?;
    let dot = usize::from(t.byte(end) == b'.');
    (name.chars().count() <= 12).then_some((month, end + dot))
}

fn skip(t: Text<'_>, at: usize, signs: &[&str]) -> Option<usize> {
    let sign = signs.iter().find(|sign| t.has(at, sign))?;
    Some(at + sign.len())
}

fn year_at(t: Text<'_>, at: usize) -> Option<(i32, usize)> {
    let end = t.run(at, 5, is_digit);
    let year = t.slice(at, end).parse().ok()?;
    (end - at == 4).then_some((year, end))
}

/// Two digits mean a year of the last hundred.
fn year_of(digits: usize, year: i32) -> Option<i32> {
    match digits {
        4 => Some(year),
        2 => Some(1900 + year),
        _ => None,
    }
}

/// Whether it is a day on which somebody alive may have been born.
fn date(year: i32, month: i32, day: i32) -> bool {
    let (Ok(month), Ok(day)) = (u32::try_from(month), u32::try_from(day)) else {
        return false;
    };
    (1880..=2100).contains(&year) && NaiveDate::from_ymd_opt(year, month, day).is_some()
}
