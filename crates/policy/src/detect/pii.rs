//! Finds personal data and secrets as exact spans.

mod checks;
mod scanners;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decision::Span;

/// A kind of personal data or secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PiiType {
    /// Secrets of every kind: keys, tokens, passwords in assignments.
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
    /// Phone number in international form.
    PhoneIntl,
}

impl PiiType {
    /// The word used in rules and findings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PiiType::ApiKey => "api_key",
            PiiType::CreditCard => "credit_card",
            PiiType::Iban => "iban",
            PiiType::Ssn => "ssn",
            PiiType::Email => "email",
            PiiType::IpAddress => "ip_address",
            PiiType::PassportUs => "passport_us",
            PiiType::DateOfBirth => "date_of_birth",
            PiiType::PhoneUs => "phone_us",
            PiiType::PhoneIntl => "phone_intl",
        }
    }
}

impl fmt::Display for PiiType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: PiiType,
    /// Where it is, in bytes.
    pub span: Span,
}

/// Every value in a text, ascending, none overlapping another: of two that do, the kind that is
/// declared first in [`PiiType`] wins, because its check is the stronger one.
#[must_use]
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    scanners::run(text, |kind, start, end| {
        found.push(Found {
            kind,
            span: Span { start, end },
        })
    });
    if found.len() < 2 {
        return found;
    }
    found.sort_unstable_by_key(|f| (f.span.start, f.kind, std::cmp::Reverse(f.span.end)));
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for candidate in found {
        match kept.last_mut() {
            Some(last) if candidate.span.start < last.span.end => {
                if candidate.kind < last.kind {
                    *last = candidate;
                }
            }
            _ => kept.push(candidate),
        }
    }
    kept
}
