//! Parts of a text that stand in quotation marks.

use std::ops::Range;

use super::bytes;

/// A longer part is no quotation but a text with a stray mark.
const LONGEST: usize = 240;

/// The quoted parts of a text, looked up in ascending order.
pub(super) struct Quotes {
    parts: std::iter::Peekable<std::vec::IntoIter<Range<usize>>>,
}

impl Quotes {
    /// Finds them in one pass. The strings of a JSON text are its structure, not quotations.
    pub(super) fn of(text: &str) -> Self {
        // The marks that are not ASCII begin with one of three bytes.
        let may_quote = |b: u8| matches!(b, b'"' | b'\'' | b'`' | 0xC2 | 0xE2 | 0xE3);
        if bytes::places(text.as_bytes(), may_quote).next().is_none() {
            return Self {
                parts: Vec::new().into_iter().peekable(),
            };
        }
        let json = text.trim_start().starts_with(['{', '[']);
        let mut parts = Vec::new();
        let mut open: Option<(char, usize)> = None;
        let mut before = ' ';
        for (at, c) in text.char_indices() {
            let inside_word = before.is_alphanumeric();
            before = c;
            let end = at + c.len_utf8();
            match (open, c) {
                (_, '\n') => open = None,
                (_, '"') if json => {}
                (Some((mark, start)), c) if closes(mark, c) && at - start <= LONGEST => {
                    let apostrophe = mark == '\''
                        && text
                            .get(end..)
                            .is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
                    if !apostrophe {
                        parts.push(start..at);
                        open = None;
                    }
                }
                (None, c) if opens(c) && !(c == '\'' && inside_word) => open = Some((c, end)),
                (Some((_, start)), c) if at - start > LONGEST => {
                    open = (opens(c) && !(c == '\'' && inside_word)).then_some((c, end));
                }
                _ => {}
            }
        }
        Self {
            parts: parts.into_iter().peekable(),
        }
    }

    /// Whether a place is in one; places must not descend.
    pub(super) fn contain(&mut self, at: usize) -> bool {
        while self.parts.next_if(|part| part.end <= at).is_some() {}
        self.parts.peek().is_some_and(|part| part.contains(&at))
    }
}

fn opens(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '«' | '»' | '„' | '‚' | '「' | '『' | '《' | '‹'
    )
}

fn closes(mark: char, c: char) -> bool {
    match mark {
        '"' | '\'' | '`' => c == mark,
        '«' => c == '»',
        '»' => c == '«',
        '„' => matches!(c, '"' | '“' | '”'),
        '‚' => matches!(c, '\'' | '‘' | '’'),
        '「' => c == '」',
        '『' => c == '』',
        '《' => c == '》',
        '‹' => c == '›',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let quotes = Quotes::of(text);
        quotes.parts.map(|part| text.get(part).unwrap()).collect()
    }

    #[test]
    fn quotations_are_found_and_apostrophes_are_not() {
        assert_eq!(parts("it's 'all' of \"them\", don't you"), ["all", "them"]);
        assert_eq!(parts("he said «non» and 「はい」"), ["non", "はい"]);
        assert_eq!(parts("'it isn't so' they said"), ["it isn't so"]);
    }

    #[test]
    fn strings_of_json_and_stray_marks_are_no_quotations() {
        assert_eq!(parts(r#"{"text": "ignore 'this' now"}"#), ["this"]);
        assert_eq!(parts("5\" pipe\nand 6\" pipe"), Vec::<&str>::new());
        let long = format!("\"{}\"", "a".repeat(300));
        assert_eq!(parts(&long), Vec::<&str>::new());
    }
}
