//! Addresses: e-mail, IPv4, IPv6.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::PiiType;
use super::context::version_before;
use super::numbers::Value;
use super::text::{Text, is_escape, is_word, word_before};

/// RFC 5321 limits.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 253;

/// Last parts of file names that look like an address (`logo@2x.png`, `react@next.js`).
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "mjs", "ts", "jsx", "tsx", "css",
    "scss", "json", "yaml", "yml", "toml", "txt", "html", "htm", "xml", "csv", "log", "tar", "gz",
    "tgz", "exe", "dll", "jar", "whl", "lock", "conf", "cfg", "ini", "java", "cpp", "hpp",
];

/// The address around an `@`, which is `width` bytes wide (`%40` in URLs).
pub(super) fn email(t: Text<'_>, sign: usize, width: usize) -> Option<Value> {
    let start = local(t, sign)?;
    let end = domain(t, sign + width)?;
    let name = t.slice(start, sign);
    // The user of a code host's ssh service is nobody's mailbox.
    let service = name == "git" || in_url_userinfo(t, start);
    (!service).then_some((PiiType::Email, start, end))
}

fn is_local(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-' | b'\'') || b >= 0x80
}

/// Where the part before the `@` starts.
fn local(t: Text<'_>, sign: usize) -> Option<usize> {
    let reach = t.run_back(sign, 4 * MAX_LOCAL, is_local);
    let name = t.slice(reach, sign);
    // Letters of scripts that set no blanks between words are text before the address.
    let foreign = |c: char| !c.is_ascii() && !matches!(c, '\u{C0}'..='\u{52F}');
    let kept = name.rfind(foreign).map_or(name, |at| {
        let after = name.get(at..).unwrap_or_default();
        let width = after.chars().next().map_or(0, char::len_utf8);
        after.get(width..).unwrap_or_default()
    });
    // `%3C` of a URL is no part of the address it stands before.
    let encoded = t.back(sign - kept.len(), 1) == b'%';
    let kept = kept.get(if encoded { 2 } else { 0 }..).unwrap_or_default();
    let kept = kept.trim_start_matches(['.', '\'', '-', '+']);
    let escaped = is_escape(t, sign - kept.len() + 1);
    let kept = kept.get(usize::from(escaped)..).unwrap_or_default();
    let fits = !kept.is_empty()
        && kept.chars().count() <= MAX_LOCAL
        && !kept.contains("..")
        && !kept.ends_with('.')
        && kept.contains(char::is_alphanumeric);
    fits.then_some(sign - kept.len())
}

/// Where the part after the `@` ends: labels, the last of which is a word.
fn domain(t: Text<'_>, start: usize) -> Option<usize> {
    let mut end = None;
    let mut at = start;
    let mut labels = 0;
    while at - start <= MAX_DOMAIN {
        let stop = t.run(at, 4 * 64, |b| {
            b.is_ascii_alphanumeric() || b == b'-' || b >= 0x80
        });
        let label = t.slice(at, stop);
        if label.is_empty() || label.starts_with('-') {
            break;
        }
        labels += 1;
        if labels > 1
            && let Some(length) = top_level(label)
        {
            end = Some(at + length);
        }
        if t.byte(stop) != b'.' || label.ends_with('-') {
            break;
        }
        at = stop + 1;
    }
    end.filter(|end| end - start <= MAX_DOMAIN)
}

/// The length of the top-level domain a label is or begins with.
fn top_level(label: &str) -> Option<usize> {
    if label.len() > 4
        && label
            .get(..4)
            .is_some_and(|p| p.eq_ignore_ascii_case("xn--"))
    {
        return Some(label.trim_end_matches('-').len());
    }
    let spaced = |c: char| c.is_ascii_alphabetic() || matches!(c, '\u{C0}'..='\u{52F}');
    let length = label.find(|c| !spaced(c)).unwrap_or(label.len());
    let (word, rest) = label.split_at_checked(length)?;
    let ends =
        rest.is_empty() || rest.starts_with('-') || !rest.starts_with(|c: char| c.is_ascii());
    let file = FILES.iter().any(|ending| ending.eq_ignore_ascii_case(word));
    (ends && !file && (2..=24).contains(&word.chars().count())).then_some(length)
}

/// `scheme://user@host` and `scheme://user:password@host` name a login, not a mailbox.
fn in_url_userinfo(t: Text<'_>, start: usize) -> bool {
    let authority = t.run_back(start, 96, |b| {
        !b.is_ascii_whitespace() && !matches!(b, b'/' | b'"' | b'\'' | b'<' | b'=' | b'@')
    });
    t.back(authority, 1) == b'/' && t.back(authority, 2) == b'/' && t.back(authority, 3) == b':'
}

/// Four numbers up to 255; not a version, not part of a longer dotted number.
pub(super) fn v4(t: Text<'_>, start: usize) -> Option<Value> {
    let before = t.back(start, 1);
    if before == b'.' && t.back(start, 2).is_ascii_digit() {
        return None;
    }
    let end = quad(t, start)?;
    let joined = match before {
        b'.' | b'-' | b'/' | b'_' | b'@' => is_word(t.back(start, 2)),
        b'=' => t.back(start, 2) == b'=',
        b'n' | b't' | b'r' => t.back(start, 2) != b'\\',
        b => is_word(b),
    };
    let after = match t.byte(end) {
        b'.' => t.byte(end + 1).is_ascii_digit(),
        b'-' => tagged(t, end + 1),
        b => is_word(b),
    };
    let valid = || t.slice(start, end).parse::<Ipv4Addr>().is_ok();
    (!joined && !after && valid() && !version_before(t, start)).then_some((
        PiiType::IpAddress,
        start,
        end,
    ))
}

/// Where four dotted numbers of up to three digits end.
fn quad(t: Text<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    for part in 0..4 {
        if part > 0 {
            at = if t.byte(at) == b'.' {
                at + 1
            } else {
                return None;
            };
        }
        let end = t.run(at, 4, |b| b.is_ascii_digit());
        if !(1..=3).contains(&(end - at)) {
            return None;
        }
        at = end;
    }
    Some(at)
}

/// `-rc1`, `-SNAPSHOT`: the endings of versions.
fn tagged(t: Text<'_>, at: usize) -> bool {
    [
        "alpha", "beta", "rc", "snapshot", "dev", "pre", "final", "release", "build", "ga", "patch",
    ]
    .iter()
    .any(|tag| t.has(at, tag))
}

/// The address around the first colon of a run of hexadecimal groups; also says where the run ends.
pub(super) fn v6(t: Text<'_>, colon: usize) -> (Option<Value>, usize) {
    let start = t.run_back(colon, 5, |b| b.is_ascii_hexdigit());
    let run = t.run(colon, usize::MAX, |b| b.is_ascii_hexdigit() || b == b':');
    let none = (None, run.max(colon + 1));
    let glued = word_before(t, start) || t.back(start, 1) == b':' || colon - start > 4;
    if glued || run - start > 45 {
        return none;
    }
    let end = end_of_v6(t, start, run);
    let value = t.slice(start, end);
    let colons = value.bytes().filter(|b| *b == b':').count();
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let plain = value.len() >= 6 && colons >= 2 && digits && !is_word(t.byte(end));
    let found = plain && value.parse::<Ipv6Addr>().is_ok();
    (found.then_some((PiiType::IpAddress, start, end)), none.1)
}

/// A tail in IPv4 form belongs to the address, a colon after it does not.
fn end_of_v6(t: Text<'_>, start: usize, run: usize) -> usize {
    let last = t.run_back(run, 4, |b| b.is_ascii_digit());
    if t.byte(run) == b'.'
        && last > start
        && let Some(end) = quad(t, last)
    {
        return end;
    }
    let stray = t.back(run, 1) == b':' && t.back(run, 2) != b':';
    run - usize::from(stray)
}
