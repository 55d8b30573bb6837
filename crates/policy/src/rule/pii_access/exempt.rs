//! Values that may be there: the organisation's own addresses and numbers.

use crate::detect::pii::PiiType;

/// Values and mail domains that do not count.
#[derive(Debug)]
pub(super) struct Exempt {
    values: Vec<String>,
    domains: Vec<String>,
}

impl Exempt {
    pub(super) fn new(values: &[String], domains: &[String]) -> Self {
        let bare = |domain: &String| domain.trim_start_matches(['@', '.']).to_lowercase();
        Self {
            values: values.iter().map(|value| plain(value)).collect(),
            domains: domains.iter().map(bare).collect(),
        }
    }

    /// Whether a value of a built-in type does not count.
    pub(super) fn covers(&self, kind: PiiType, value: &str) -> bool {
        self.has(value) || kind == PiiType::Email && self.has_domain_of(value)
    }

    /// Whether a value is listed, however it is written.
    pub(super) fn has(&self, value: &str) -> bool {
        !self.values.is_empty() && self.values.contains(&plain(value))
    }

    /// A domain covers its subdomains.
    fn has_domain_of(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let Some((_, host)) = address.rsplit_once('@') else {
            return false;
        };
        let covers = |domain: &String| {
            let rest = host.strip_suffix(domain.as_str());
            rest.is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
        };
        self.domains.iter().any(covers)
    }
}

/// A value without case and without the signs that numbers are grouped with.
fn plain(value: &str) -> String {
    let kept = value
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '/'));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_covers_its_subdomains_and_no_look_alike() {
        let exempt = Exempt::new(&[], &["@Example.com".to_owned()]);
        let covers = |address| exempt.covers(PiiType::Email, address);
        assert!(covers("ana@example.com") && covers("ana@mail.EXAMPLE.com"));
        assert!(!covers("ana@badexample.com") && !covers("ana@example.com.evil.net"));
    }

    #[test]
    fn listed_value_is_known_in_every_grouping() {
        let exempt = Exempt::new(&["+1 (415) 555-2671".to_owned()], &[]);
        assert!(exempt.has("+1 415-555-2671") && !exempt.has("+1 415-555-2672"));
    }
}
