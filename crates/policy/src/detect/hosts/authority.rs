//! The part of a URL between its slashes and its path.

/// Longest authority that is read; more is cut and said to be a disguise.
const LONGEST: usize = 256;

/// The host of an authority, by one reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading<'a> {
    pub(super) host: &'a str,
    /// Where it begins in the authority.
    pub(super) at: usize,
    pub(super) disguise: Option<&'static str>,
}

/// The hosts that readers find in a text that begins with an authority; none when it is empty.
///
/// Browsers end it at a backslash, others go on to the next slash: both readings count. So do, where
/// a blank or a mark of punctuation makes a host end early, the part before it and what follows `@`.
pub(super) fn readings(text: &str) -> Vec<Reading<'_>> {
    let ends = |c: char| {
        matches!(
            c,
            '/' | '?' | '#' | '"' | '<' | '>' | '`' | '{' | '}' | '|' | '^'
        ) || c.is_whitespace()
            || c.is_control()
    };
    let start = text
        .get(..text.floor_char_boundary(LONGEST))
        .unwrap_or(text);
    let whole = until(start, ends);
    let cut = whole.len() == start.len() && start.len() < text.len();
    let overlong = cut.then_some("overlong authority");
    let short = until(whole, |c| c == '\\');
    let mut readings = Vec::new();
    for (authority, disguise) in [(short, overlong), (whole, overlong.or(Some("backslash")))] {
        let (user, host) = match authority.rfind('@') {
            Some(at) => (
                authority.get(..at),
                authority.get(at + 1..).unwrap_or_default(),
            ),
            None => (None, authority),
        };
        let repeated = authority.len() == short.len() || user.is_none();
        if repeated && !readings.is_empty() {
            continue;
        }
        let disguise = disguise.or_else(|| {
            user.filter(|user| like_a_host(user))
                .map(|_| "host-like user name")
        });
        add(&mut readings, host, authority.len() - host.len(), disguise);
        // The `@` may belong to other text, behind a mark that no user name begins with.
        if user.is_some_and(|user| user.contains([',', ')', ';', '\''])) {
            add(&mut readings, authority, 0, disguise);
        }
    }
    readings
}

fn add<'a>(
    readings: &mut Vec<Reading<'a>>,
    text: &'a str,
    at: usize,
    disguise: Option<&'static str>,
) {
    let host = host_of(text);
    if !host.is_empty() {
        readings.push(Reading { host, at, disguise });
    }
}

/// The host without port, and without punctuation of the sentence it stands in.
fn host_of(text: &str) -> &str {
    if text.starts_with('[') {
        let end = text.find(']').map_or(text.len(), |end| end + 1);
        return text.get(..end).unwrap_or(text);
    }
    let ends = |c: char| c.is_ascii_punctuation() && !matches!(c, '.' | '-' | '_' | '%');
    until(text, ends).trim_end_matches(['.', '。', '．', '｡'])
}

fn like_a_host(user: &str) -> bool {
    let name = until(user, |c| c == ':');
    name.contains(['.', '。', '．', '｡']) || name.to_ascii_lowercase().contains("%2e")
}

fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    let end = text.find(ends).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}
