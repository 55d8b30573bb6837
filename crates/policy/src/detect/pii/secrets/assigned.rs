//! Secrets that only their name gives away: `password: …`, `"client_secret": "…"`, `?token=…`.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{random, spells_words};
use crate::detect::pii::text::{Text, is_word};
use crate::detect::pii::words::Words;

/// Longest value that is looked at, in bytes.
const MAX_VALUE: usize = 512;
/// Longest name that is looked at, in bytes.
const MAX_NAME: usize = 48;

/// What a name makes of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// A word people use for something else: no secret.
    Other,
    /// A machine's secret: drawn at random.
    Key,
    /// A person's: may be anything but a word that stands for it.
    Password,
}

const NAMES: &[(Name, &str)] = &[
    (
        Name::Password,
        "password|passwd|passwort|passphrase|pwd|pass|passcode|kennwort|contraseña|\
         contrasena|mot de passe|motdepasse|mdp|senha|wachtwoord|lösenord|hasło|haslo|\
         parola|пароль|Пароль|密码|パスワード|비밀번호|şifre|heslo|kodeord|passord|salasana",
    ),
    (
        Name::Key,
        "key|token|secret|auth|authorization|credential|creds|apikey|access|api|\
         signature|sig|bearer|jwt|session|webhook|dsn|schlüssel|clave|clé|chave|ключ|\
         токен|密钥",
    ),
    (
        Name::Other,
        "public key|public_key|publickey|public-key|pubkey|primary key|primary_key|\
         primarykey|foreign key|foreign_key|foreignkey|partition key|partition_key|\
         partitionkey|partition-key|sort_key|sortkey|cache_key|cachekey|cache key|\
         cache-key|idempotency|object_key|objectkey|object key|bucket_key|bucketkey|\
         s3_key|routing_key|routingkey|row_key|rowkey|hash_key|hashkey|natural_key|\
         schema_key|sequence_key|unique_key|dedup|hotkey|hot_key|shortcut|key_id|keyid|\
         key-id|key id|keyalias|key_alias|keyname|key_name|key name|keypair|key_pair|\
         keyring|keysize|key_size|key_length|keylength|keycode|key_code|keyboard|keyword|\
         keyframe|keystone|keydown|keyup|keypress|key_type|keytype|keystore|monkey|\
         turkey|donkey|hockey|jockey|whiskey|publickeytoken|access_id|accessid|accessor|\
         accessibility|accessed|access_level|access level|author|authority|authors|\
         authentication-results|auth_url|auth_uri|auth_type|api_version|apiversion|\
         api version|api_id|api_name|api_url|apiurl|rapid|capital|therapi|token_type|\
         tokentype|token_url|tokenurl|token_uri|token_endpoint|token_count|tokencount|\
         tokens|token_limit|max_token|token_id|tokenid|csrf|next_token|nexttoken|\
         page_token|pagetoken|nextpagetoken|continuation|secret_name|secretname|\
         secret_id|secret_length|secret_size|password_length|passwordlength|\
         password_hash|password_policy|password_field|passenger|passage|passed|passing|\
         passive|compass|bypass|passport|trespass|signature_version|signatureversion|\
         design|session_type|session_name|webhook_id",
    ),
];

static MATCHER: LazyLock<Option<Words<Name>>> = LazyLock::new(|| Words::of(NAMES));

/// Endings of names that are about a secret and hold none.
const ABOUT: &str = "id|ids|name|length|count|type|size|url|uri|path|file|limit|ttl|version|hash|\
    expiry|expires|expiration|policy|field|index|format|label|hint|prefix|endpoint|\
    host|user|username|algorithm|alg|date|at|in|arn|region|env|ref";

/// The value after `value_from` when the name before `name_to` says that it is secret, else how far
/// it was looked at in vain.
pub(in crate::detect::pii) fn assigned(
    t: Text<'_>,
    name_to: usize,
    value_from: usize,
) -> Result<(usize, usize), usize> {
    let name = name_before(t, name_to);
    if name == Name::Other {
        return Err(value_from);
    }
    let (start, quote) = value_start(t, value_from);
    let end = value_end(t, start, quote);
    let value = t.slice(start, end);
    // Words stand side by side in lists of names, too.
    let listed = t.byte(value_from - 1) == b',';
    let closed = quote == 0 || t.byte(end) == quote || t.byte(end) == b'\\';
    if closed
        && (!listed || random(value))
        && is_secret(name, value, quote)
        && !is_code(t, end, value)
    {
        Ok((start, end))
    } else {
        Err(end.max(value_from))
    }
}

/// What the name left of a sign of assignment says.
fn name_before(t: Text<'_>, sign: usize) -> Name {
    let signs = |b: u8| b" \"'`:?|]\\\t*.".contains(&b);
    let end = t.run_back(sign, 6, signs);
    let part = |b: u8| is_word(b) || matches!(b, b'-' | b'.' | b' ') || b >= 0x80;
    let start = t.run_back(end, MAX_NAME, part);
    // A path of code: `AWS::KMS::Key`.
    let in_path = t.back(start, 1) == b':' && t.back(start, 2) == b':';
    let Some(names) = MATCHER.as_ref().filter(|_| start < end && !in_path) else {
        return Name::Other;
    };
    let name = t.bytes_before(end, end - start);
    match names.find(name).last() {
        Some((kind, from, to)) if is_name(name, from, to) => kind,
        _ => Name::Other,
    }
}

/// The word ends the name or nearly so (`apiKeyProd`), and is not a piece of another word.
fn is_name(name: &[u8], from: usize, to: usize) -> bool {
    let tail = name.get(to..).unwrap_or_default();
    let word = name.get(from..to).unwrap_or_default();
    let starts = match from.checked_sub(1).and_then(|at| name.get(at)) {
        Some(b) if b.is_ascii_alphabetic() => {
            word.len() >= 5
                || b.is_ascii_lowercase() && word.first().is_some_and(u8::is_ascii_uppercase)
                || word.eq_ignore_ascii_case(b"key")
                || word.eq_ignore_ascii_case(b"pwd")
                || word.eq_ignore_ascii_case(b"pass")
        }
        _ => true,
    };
    let last = tail.rsplit(|b| !b.is_ascii_alphanumeric()).next();
    let last = last.unwrap_or_default();
    let capital = last.iter().rposition(u8::is_ascii_uppercase).unwrap_or(0);
    let last = last.get(capital..).unwrap_or_default();
    let is_last = |word: &str| last.eq_ignore_ascii_case(word.as_bytes());
    let about = !last.is_empty() && ABOUT.split('|').any(is_last);
    // Letters that go on in the same case are another word: `keyed`, `tokenizer`, `secretary`.
    let runs_on = tail.first().is_some_and(u8::is_ascii_lowercase)
        && word.last().is_some_and(u8::is_ascii_lowercase)
        && !matches!(tail, b"s" | [b's', b'_' | b'-' | b'.', ..]);
    starts && !about && !runs_on && tail.len() <= 24
}

/// Where the value starts, and the quote it is in, if any.
fn value_start(t: Text<'_>, after: usize) -> (usize, u8) {
    let blank = |b: u8| b.is_ascii_whitespace() || b"=>\\(*".contains(&b);
    let mut start = t.run(after, 8, blank);
    // `Token abc`, `b"abc"`
    for scheme in ["token ", "bearer ", "basic ", "apikey "] {
        start += if t.has(start, scheme) {
            scheme.len()
        } else {
            0
        };
    }
    match t.byte(start) {
        quote @ (b'"' | b'\'' | b'`') => (start + 1, quote),
        _ => (start, 0),
    }
}

fn value_end(t: Text<'_>, start: usize, quote: u8) -> usize {
    if quote != 0 {
        return t.run(start, MAX_VALUE, |b| b != quote && b != b'\n' && b != b'\\');
    }
    let end = t.run(start, MAX_VALUE, |b| {
        !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | 0)
    });
    let end = t.run_back(next_field(t, start, end), 4, |b| b",;.)}]:|&".contains(&b));
    end.max(start)
}

/// Where the next field of a form, a query or a connection string begins: `…&name=`, `…;Name=`.
fn next_field(t: Text<'_>, start: usize, end: usize) -> usize {
    let is_next = |at: usize| {
        let name = t.run(start + at + 1, 32, |b| {
            is_word(b) || matches!(b, b'-' | b'.' | b' ')
        });
        name > start + at + 1 && matches!(t.byte(name), b'=' | b':')
    };
    let mut signs = t.slice(start, end).match_indices(['&', ';', ',']);
    let next = signs.find(|(at, _)| is_next(*at));
    next.map_or(end, |(at, _)| start + at)
}

fn is_secret(name: Name, value: &str, quote: u8) -> bool {
    let strong = match name {
        Name::Other => false,
        Name::Key => key(value),
        Name::Password => password(value, quote != 0),
    };
    let elsewhere = value.contains("://") || value.contains("::");
    strong && !elsewhere && !value.contains(char::is_whitespace) && !is_placeholder(value)
}

/// A longer piece without signs, or the whole of it, is random.
fn key(value: &str) -> bool {
    let of_key = |b: u8| is_word(b) || b"-.~+/=%:!@#$^*&".contains(&b);
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let pieces = value.split(|c: char| !c.is_ascii_alphanumeric());
    let longest = pieces.map(str::len).max().unwrap_or(0);
    value.len() >= 10
        && letters >= 3
        && value.bytes().all(of_key)
        && (longest >= 10 || value.len() >= 32 && longest >= 6)
        && random(value)
}

/// Letters with digits or signs; a word alone is more often about the password.
fn password(value: &str, quoted: bool) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let upper = value.bytes().filter(u8::is_ascii_uppercase).count();
    let lower = value.bytes().filter(u8::is_ascii_lowercase).count();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':');
    let signs = value.bytes().filter(|b| !plain(b)).count();
    let letters = upper + lower;
    let capitals = value.bytes().skip(1).any(|b| !b.is_ascii_lowercase());
    let mixed = upper >= 1 && lower >= 1 && capitals;
    (6..=128).contains(&value.len())
        && (digits >= 1 && letters >= 1
            || signs >= 1 && letters >= 2
            || digits >= 6 && letters == 0 && signs == 0 && quoted
            || mixed
                && value.len() >= 8
                && !value.contains(['.', '/', ':', '_'])
                && !spells_words(value))
}

/// Words that stand where a secret should be put.
static STAND_INS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    const WORDS: &str = "your|example|changeme|change-me|change_me|placeholder|redacted|xxxx|****|\
        ....|null|none|undefined|todo|insert|replace|dummy|sample|abcdefgh|12345678901234567890|\
        ${|{{|$(|%(|process.env|os.environ|getenv|env.|env[|secrets.|vault:|config.|var.|self.|this.";
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS.split('|'))
        .ok()
});

/// Whether the value only stands for a secret.
fn is_placeholder(value: &str) -> bool {
    const PATHS: &str = "/etc/|/home/|/usr/|/var/|/opt/|/tmp/|/run/|/bin/";
    let first = value.bytes().next().unwrap_or(0);
    let of_name = |b: u8| is_word(b) || matches!(b, b'{' | b'}');
    let shell = first == b'$' && value.bytes().skip(1).all(of_name);
    let template = matches!(first, b'{' | b'<')
        || first == b'%' && value.ends_with('%')
        || first == b'@' && value.ends_with('@');
    let path = first == b'/' && PATHS.split('|').any(|path| value.starts_with(path));
    let same = value.bytes().all(|b| b == first);
    let said = STAND_INS
        .as_ref()
        .is_some_and(|words| words.is_match(value));
    shell || template || path || same || said
}

/// A call or an index: `password = get_password(1)`.
fn is_code(t: Text<'_>, end: usize, value: &str) -> bool {
    let is_path = |name: &str| !name.is_empty() && name.bytes().all(|b| is_word(b) || b == b'.');
    let called = |open| {
        value
            .split_once(open)
            .is_some_and(|(name, _)| is_path(name))
    };
    let next = t.byte(end);
    called('(') || called('[') || next == b'(' || (next == b')' && value.contains('('))
}

/// The password of `scheme://user:password@host`, given where `://` is.
pub(in crate::detect::pii) fn url_password(t: Text<'_>, colon: usize) -> Option<(usize, usize)> {
    if !t.back(colon, 1).is_ascii_alphanumeric() {
        return None;
    }
    let start = colon + 3;
    let user = t.run(start, 96, |b| {
        !matches!(b, b':' | b'@' | b'/' | b'"' | b'\'' | b'<' | b'>') && !b.is_ascii_whitespace()
    });
    if t.byte(user) != b':' {
        return None;
    }
    let from = user + 1;
    let stop = t.run(from, 160, |b| {
        !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`' | b'/') && !b.is_ascii_whitespace()
    });
    let authority = t.slice(from, stop);
    let at = authority.rfind('@')?;
    let password = authority.get(..at)?;
    let stands_for = ["password", "passwd", "pass", "pwd", "secret", "pw"];
    let plain = password.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let real = password.len() >= 3
        && !plain.is_empty()
        && !is_placeholder(password)
        && !stands_for
            .iter()
            .any(|word| plain.eq_ignore_ascii_case(word));
    real.then_some((from, from + at))
}
