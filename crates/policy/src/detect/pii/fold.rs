//! Undoes disguises of numbers and addresses, and remembers where everything came from.

use unicode_normalization::char::decompose_compatible;

use crate::decision::Span;
use crate::detect::bytes;
use crate::detect::normalise::visible;

/// A text without disguises.
pub(super) struct Plain {
    pub(super) text: String,
    /// The places that were changed, ascending.
    edits: Vec<Edit>,
}

/// One piece that reads differently in the plain text: where it ends in both, and its lengths.
#[derive(Clone, Copy)]
struct Edit {
    plain_end: u32,
    original_end: u32,
    plain_length: u8,
    original_length: u8,
}

impl Plain {
    /// Translates a range of the plain text into one of the original.
    pub(super) fn original(&self, start: usize, end: usize) -> Option<Span> {
        let start = match self.edit_at(start) {
            Some(edit) if start < edit.plain_end() => edit.original_start(),
            Some(edit) => edit.original_end() + (start - edit.plain_end()),
            None => start,
        };
        let end = match self.edit_at(end.checked_sub(1)?) {
            Some(edit) if end <= edit.plain_end() => edit.original_end(),
            Some(edit) => edit.original_end() + (end - edit.plain_end()),
            None => end,
        };
        Some(Span { start, end })
    }

    /// The last change at or before a byte of the plain text.
    fn edit_at(&self, at: usize) -> Option<Edit> {
        let after = self.edits.partition_point(|edit| edit.plain_start() <= at);
        self.edits.get(after.checked_sub(1)?).copied()
    }

    fn replace(&mut self, plain: Option<char>, original_end: usize, original_length: usize) {
        let before = self.text.len();
        self.text.extend(plain);
        let length = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.edits.push(Edit {
            plain_end: place(self.text.len()),
            original_end: place(original_end),
            plain_length: length(self.text.len() - before),
            original_length: length(original_length),
        });
    }
}

impl Edit {
    fn plain_end(self) -> usize {
        self.plain_end as usize
    }

    fn plain_start(self) -> usize {
        self.plain_end()
            .saturating_sub(usize::from(self.plain_length))
    }

    fn original_end(self) -> usize {
        self.original_end as usize
    }

    fn original_start(self) -> usize {
        self.original_end()
            .saturating_sub(usize::from(self.original_length))
    }
}

/// The text with invisible characters dropped, other forms of digits, blanks and hyphens plain, and
/// `[at]` and `[dot]` as signs; `None` when it has none of these.
pub(super) fn undisguised(text: &str) -> Option<Plain> {
    let first = first_disguise(text)?;
    let (head, tail) = text.split_at_checked(first)?;
    let mut out = Plain {
        text: String::with_capacity(text.len()),
        edits: Vec::new(),
    };
    out.text.push_str(head);
    let mut rest = tail;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let width = if let Some((sign, width)) = spelled_sign(rest) {
            out.replace(Some(sign), at + width, width);
            width
        } else {
            let width = c.len_utf8();
            match plain(c) {
                Some(same) if same == c => out.text.push(c),
                other => out.replace(other, at + width, width),
            }
            width
        };
        rest = rest.get(width..).unwrap_or_default();
    }
    Some(out)
}

/// Where the first disguise is.
fn first_disguise(text: &str) -> Option<usize> {
    let unusual = |b| b >= 0xC0 || matches!(b, b'[' | b'(' | b'{' | b'<');
    bytes::places(text.as_bytes(), unusual).find_map(|at| {
        let rest = text.get(at..)?;
        let c = rest.chars().next()?;
        if !c.is_ascii() {
            return (plain(c) != Some(c)).then_some(at);
        }
        let next = rest.as_bytes().get(1).copied().unwrap_or(0);
        let begins = matches!(next, b'a' | b'A' | b'@' | b'd' | b'D' | b'.' | b' ');
        (begins && spelled_sign(rest).is_some()).then(|| blanks_before(text, at))
    })
}

fn blanks_before(text: &str, at: usize) -> usize {
    let head = text.get(..at).unwrap_or_default();
    let blanks = head
        .bytes()
        .rev()
        .take(2)
        .take_while(|b| *b == b' ')
        .count();
    at - blanks
}

/// `[at]`, ` (dot) `, `[ @ ]` and the like: the sign that is meant, and how many bytes spell it.
fn spelled_sign(text: &str) -> Option<(char, usize)> {
    let open = after_blanks(text);
    let close = match open.bytes().next()? {
        b'[' => ']',
        b'(' => ')',
        b'{' => '}',
        b'<' => '>',
        _ => return None,
    };
    let inner = after_blanks(open.get(1..)?);
    let words = [("at", '@'), ("@", '@'), ("dot", '.'), (".", '.')];
    let (rest, sign) = words.into_iter().find_map(|(word, sign)| {
        let (given, rest) = inner.split_at_checked(word.len())?;
        given.eq_ignore_ascii_case(word).then_some((rest, sign))
    })?;
    let rest = after_blanks(after_blanks(rest).strip_prefix(close)?);
    Some((sign, text.len() - rest.len()))
}

/// A text without its first two blanks.
fn after_blanks(text: &str) -> &str {
    let one = text.strip_prefix(' ').unwrap_or(text);
    one.strip_prefix(' ').unwrap_or(one)
}

/// The digits of scripts that have their own: their zeros.
const ZEROS: [u32; 17] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0,
];

fn plain(c: char) -> Option<char> {
    match c {
        '\0'..='\u{9F}'
        | '\u{C0}'..='\u{02BB}'
        | '\u{0370}'..='\u{05FF}'
        | '\u{3040}'..='\u{3163}'
        | '\u{3165}'..='\u{FDFF}' => Some(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => Some('-'),
        '\u{2024}' | '\u{3002}' => Some('.'),
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
        '\u{0600}'..='\u{1FFF}' => digit_of_script(c).or_else(|| visible(c)),
        '\u{A0}'..='\u{BF}'
        | '\u{2000}'..='\u{303F}'
        | '\u{FE00}'..='\u{FFEF}'
        | '\u{1D400}'..='\u{1FBFF}' => compatible(c).or_else(|| visible(c)),
        _ => visible(c),
    }
}

fn digit_of_script(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = ZEROS
        .into_iter()
        .find(|zero| (*zero..*zero + 10).contains(&code))?;
    char::from_u32(u32::from('0') + code - zero)
}

/// The ASCII character this is only another form of.
fn compatible(c: char) -> Option<char> {
    let (mut count, mut last) = (0, c);
    decompose_compatible(c, |part| (count, last) = (count + 1, part));
    (count == 1 && last.is_ascii()).then_some(last)
}
