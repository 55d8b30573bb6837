//! Finds personal data and secrets as exact spans.

mod checks;
mod context;
mod dates;
mod fold;
mod network;
mod numbers;
mod phones;
mod scan;
mod secrets;
mod spoken;
mod text;
mod words;

use std::cmp::Reverse;

use crate::decision::Span;
use crate::model::words;
use scan::Trust;

/// A kind of personal data or secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PiiType {
    /// Secrets of every kind: keys, tokens, passwords in assignments and URLs.
    ApiKey,
    /// Payment card number, Luhn-checked.
    CreditCard,
    /// International bank account number, checksum verified.
    Iban,
    /// US social security number, area and group checked.
    Ssn,
    /// E-mail address.
    Email,
    /// IPv4 or IPv6 address.
    IpAddress,
    /// US passport number beside a word that says so.
    PassportUs,
    /// Date of birth beside a word that says so.
    DateOfBirth,
    /// North American phone number.
    PhoneUs,
    /// Phone number of another country, with its country code or beside a word that says so.
    PhoneIntl,
}

words!(
    PiiType,
    "type of data",
    [
        ApiKey = "api_key" | "apikey" | "secret" | "secrets" | "token" | "password" | "credential",
        CreditCard = "credit_card" | "creditcard" | "card_number" | "credit_card_number",
        Iban = "iban" | "bank_account",
        Ssn = "ssn" | "us_ssn" | "social_security_number",
        Email = "email" | "email_address",
        IpAddress = "ip_address" | "ip" | "ipv4" | "ipv6",
        PassportUs = "passport_us" | "passport" | "us_passport",
        DateOfBirth = "date_of_birth" | "dob" | "birth_date" | "birthdate",
        PhoneUs = "phone_us" | "us_phone",
        PhoneIntl = "phone_intl" | "phone_international",
    ]
);

/// One value that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: PiiType,
    /// Where it is, in bytes.
    pub span: Span,
}

/// Every value in a text, ascending, none overlapping another.
///
/// Of two that overlap the longer one wins when it holds the other; else one that was recognised
/// by its form beats one that only its name gives away, then the kind declared first in
/// [`PiiType`]. Takes time linear in the length of the text, whatever is in it.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    match fold::undisguised(text) {
        None => scan::run(text, |trust, (kind, start, end)| {
            let span = Span { start, end };
            found.push((trust, Found { kind, span }));
        }),
        Some(plain) => scan::run(&plain.text, |trust, (kind, start, end)| {
            let span = plain.original(start, end);
            found.extend(span.map(|span| (trust, Found { kind, span })));
        }),
    }
    without_overlaps(found)
}

/// The longest text that is looked at together with the name of its field, in bytes.
const LONGEST_FIELD: usize = 512;

/// The same for the value of a named field: its name may say what the value is.
#[must_use]
pub fn find_in_field(name: &str, text: &str) -> Vec<Found> {
    if text.len() > LONGEST_FIELD || name.len() > 64 {
        return find(text);
    }
    let mut found = find(&format!("{name}: {text}"));
    let before = name.len() + 2;
    found.retain(|found| found.span.end > before);
    for found in &mut found {
        found.span.start = found.span.start.saturating_sub(before);
        found.span.end -= before;
    }
    found
}

fn without_overlaps(mut found: Vec<(Trust, Found)>) -> Vec<Found> {
    found.sort_unstable_by_key(|(trust, f)| (f.span.start, *trust, f.kind, Reverse(f.span.end)));
    let mut kept: Vec<(Trust, Found)> = Vec::with_capacity(found.len());
    for candidate in found {
        match kept.last_mut() {
            Some(last) if candidate.1.span.start < last.1.span.end => {
                if beats(candidate, *last) {
                    *last = candidate;
                }
            }
            _ => kept.push(candidate),
        }
    }
    kept.into_iter().map(|(_, found)| found).collect()
}

fn beats(new: (Trust, Found), old: (Trust, Found)) -> bool {
    let holds = |a: Span, b: Span| a != b && a.start <= b.start && b.end <= a.end;
    if holds(old.1.span, new.1.span) {
        return false;
    }
    holds(new.1.span, old.1.span) || (new.0, new.1.kind) < (old.0, old.1.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(&'static str, &str)> {
        find(text)
            .iter()
            .map(|f| (f.kind.as_str(), text.get(f.span.start..f.span.end).unwrap()))
            .collect()
    }

    #[test]
    fn every_kind_is_found_exactly() {
        for (text, kind, value) in [
            (
                "mail ana.b+c@mail.example.com.",
                "email",
                "ana.b+c@mail.example.com",
            ),
            ("ssn 536-90-4399,", "ssn", "536-90-4399"),
            ("SSN: 536904399", "ssn", "536904399"),
            // Never issued, but what people try a policy with.
            ("my ssn is 123-45-6789", "ssn", "123-45-6789"),
            (
                "card 4111-1111-1111-1111!",
                "credit_card",
                "4111-1111-1111-1111",
            ),
            ("call (415) 555-2671 now", "phone_us", "(415) 555-2671"),
            (
                "ring +44 20 7946 0958 today",
                "phone_intl",
                "+44 20 7946 0958",
            ),
            ("host 192.168.10.4 is up", "ip_address", "192.168.10.4"),
            (
                "host 2001:db8::8a2e:370:7334 is up",
                "ip_address",
                "2001:db8::8a2e:370:7334",
            ),
            (
                "key AKIAIOSFODNN7EXAMPLE here",
                "api_key",
                "AKIAIOSFODNN7EXAMPLE",
            ),
            ("password = 'hunter2-Xk9'", "api_key", "hunter2-Xk9"),
            (
                "pay DE89 3704 0044 0532 0130 00 now",
                "iban",
                "DE89 3704 0044 0532 0130 00",
            ),
            ("born on 1984-02-29.", "date_of_birth", "1984-02-29"),
            ("DOB: 12/31/1970", "date_of_birth", "12/31/1970"),
            ("passport no. 912345678", "passport_us", "912345678"),
        ] {
            assert_eq!(values(text), [(kind, value)], "{text}");
        }
    }

    #[test]
    fn numbers_that_only_look_like_data_are_left_alone() {
        for text in [
            "card 4111 1111 1111 1112",
            "area 666-12-3456 and 000-12-3456",
            "version 1.2.3.4 and v10.0.0.1",
            "DE89 3704 0044 0532 0130 01",
            "born in a town of 1984-13-40 souls",
            "order 1234567890123 of 2026-11-20 at 12:30:45",
            "call 115-555-2671",
            "uuid 0192f0c1-1111-7222-8333-444455556666",
            "the token is required and the password is missing",
        ] {
            assert_eq!(values(text), [], "{text}");
        }
    }

    #[test]
    fn addresses_spelled_in_words_are_found() {
        for (text, value) in [
            (
                "write to ana [at] x-y [dot] org ok",
                "ana [at] x-y [dot] org",
            ),
            ("ana ( at ) example.com", "ana ( at ) example.com"),
            (
                "say ana dot b at mail dot example dot com, ok",
                "ana dot b at mail dot example dot com",
            ),
        ] {
            assert_eq!(values(text), [("email", value)], "{text}");
        }
        for text in [
            "look at example dot com",
            "at noon [dot] here",
            "x[at] the (dot) y",
        ] {
            assert_eq!(values(text), [], "{text}");
        }
    }

    #[test]
    fn name_of_a_field_says_what_its_value_is() {
        for (name, text, found) in [
            ("ssn", "536904399", Some("ssn")),
            ("customerPhone", "2065165472", Some("phone_us")),
            ("password", "hunter2-Xk9", Some("api_key")),
            ("birthDate", "1984-02-29", Some("date_of_birth")),
            ("orderNumber", "536904399", None),
            ("note", "mail ana@example.com", Some("email")),
        ] {
            let values = find_in_field(name, text);
            assert_eq!(values.first().map(|f| f.kind.as_str()), found, "{name}");
            for value in values {
                assert!(text.get(value.span.start..value.span.end).is_some());
            }
        }
        let end = find_in_field("note", "mail ana@example.com")[0].span;
        assert_eq!((end.start, end.end), (5, 20));
    }

    #[test]
    fn disguised_values_are_found_where_they_stand() {
        for (text, value) in [
            ("see 283-4\u{200b}8-4541 ok", "283-4\u{200b}8-4541"),
            ("see ２４７-６３-０７０８ ok", "２４７-６３-０７０８"),
            ("é 536\u{2011}90\u{2011}4399", "536\u{2011}90\u{2011}4399"),
        ] {
            assert_eq!(values(text), [("ssn", value)], "{text}");
        }
    }
}
