//! How many rows a SELECT can bring, read off its text: one pass of a small tokenizer.

/// What the statements of a text can bring together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// No SELECT.
    None,
    /// At most so many.
    AtMost(u64),
    /// A SELECT without a limit that can be read.
    Unbounded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Number(u64),
    Open,
    Close,
    Comma,
    End,
    /// A string, a quoted name, any other mark.
    Other,
}

impl Token<'_> {
    fn is(self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    fn is_any(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

/// Reads the SELECT statements of a text, be it a statement or a sentence around one.
pub(super) fn rows(text: &str) -> Rows {
    if !mentions(text, b"select") {
        return Rows::None;
    }
    let tokens = tokens(text);
    let mut total = Rows::None;
    for statement in tokens.split(|(token, _)| *token == Token::End) {
        total = match (total, of_statement(statement)) {
            (Rows::Unbounded, _) | (_, Rows::Unbounded) => Rows::Unbounded,
            (rows, Rows::None) | (Rows::None, rows) => rows,
            (Rows::AtMost(a), Rows::AtMost(b)) => Rows::AtMost(a.saturating_add(b)),
        };
    }
    total
}

fn mentions(text: &str, word: &[u8]) -> bool {
    let mut windows = text.as_bytes().windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

/// A token and whether a statement could begin there: at the beginning of a line, after a colon or
/// a bracket, or anywhere when it is written in capitals.
type Placed<'a> = (Token<'a>, bool);

fn of_statement(tokens: &[Placed<'_>]) -> Rows {
    let begins = |at: &usize| begins(tokens, *at);
    for (tries, at) in (0..tokens.len()).filter(begins).enumerate() {
        if tries == TRIES {
            return Rows::Unbounded;
        }
        match select(tokens.get(at..).unwrap_or_default()) {
            // Prose: look behind it.
            Rows::None => {}
            rows @ (Rows::AtMost(_) | Rows::Unbounded) => return rows,
        }
    }
    Rows::None
}

/// Whether a SELECT that is to be read begins at a token.
fn begins(tokens: &[Placed<'_>], at: usize) -> bool {
    let Some((token, fresh)) = tokens.get(at).filter(|(token, _)| token.is("select")) else {
        return false;
    };
    let before = |n: usize| {
        let found = at.checked_sub(n).and_then(|at| tokens.get(at));
        found.map_or(Token::End, |(token, _)| *token)
    };
    // `WITH x AS (SELECT …) SELECT …`: the second one counts.
    let named = before(1) == Token::Open && before(2).is_any(&["as", "materialized"]);
    let capitals = *token == Token::Word("SELECT");
    !named && (*fresh || capitals || before(1) == Token::Close)
}

/// Beginnings that are tried in one statement: each may have to be read to its end.
const TRIES: usize = 16;
const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "min", "max"];
/// Words between which columns need no comma.
const INNER: [&str; 20] = [
    "distinct",
    "all",
    "as",
    "top",
    "case",
    "when",
    "then",
    "else",
    "end",
    "and",
    "or",
    "is",
    "not",
    "null",
    "in",
    "like",
    "between",
    "over",
    "partition",
    "by",
];
const NEXT_SELECT: [&str; 4] = ["union", "intersect", "except", "minus"];
/// No table is called so; a sentence has these behind its "from".
const PROSE: [&str; 10] = [
    "the", "a", "an", "my", "your", "our", "this", "that", "these", "those",
];

/// What is known of a SELECT while it is read.
#[derive(Default)]
struct Reading {
    depth: usize,
    from: bool,
    grouped: bool,
    limit: Option<u64>,
    /// Words in a row without a comma or bracket, in the list of columns.
    words: usize,
}

/// Reads one SELECT, whose keyword is the first token.
fn select(tokens: &[Placed<'_>]) -> Rows {
    let mut reading = Reading::default();
    let word = |at: usize| tokens.get(at).map_or(Token::End, |(token, _)| *token);
    let mut at = 1;
    while at < tokens.len() {
        let token = word(at);
        if token == Token::Open {
            reading.depth += 1;
        } else if token == Token::Close {
            // The bracket around the whole SELECT: it ends here.
            let Some(depth) = reading.depth.checked_sub(1) else {
                break;
            };
            reading.depth = depth;
        } else if reading.depth == 0 {
            let prose = token.is("from") && word(at + 1).is_any(&PROSE);
            if prose || !reading.from && !token.is("from") && reading.is_prose(token) {
                return Rows::None;
            }
            reading.take(tokens, at);
        }
        at += 1;
    }
    let aggregate = word(1).is_any(&AGGREGATES) && word(2) == Token::Open && !reading.grouped;
    match (reading.limit, reading.from) {
        (Some(n), _) => Rows::AtMost(n),
        (None, true) if aggregate => Rows::AtMost(1),
        (None, true) => Rows::Unbounded,
        // A constant; or a sentence about selecting.
        (None, false) => Rows::None,
    }
}

impl Reading {
    /// Columns are parted by commas; three words in a row are a sentence.
    fn is_prose(&mut self, token: Token<'_>) -> bool {
        let counts = matches!(token, Token::Word(_)) && !token.is_any(&INNER);
        self.words = if counts { self.words + 1 } else { 0 };
        self.words > 2
    }

    /// Takes what a token of the SELECT itself says.
    fn take(&mut self, tokens: &[Placed<'_>], at: usize) {
        let token = tokens.get(at).map_or(Token::End, |(token, _)| *token);
        if token.is("from") {
            self.from = true;
        } else if token.is_any(&["group", "over"]) {
            self.grouped = true;
        } else if token.is_any(&NEXT_SELECT) {
            // What was said before bounds one half only.
            self.limit = None;
        } else {
            self.bound(tokens, at);
        }
    }

    /// Takes a limit that begins at a token: `LIMIT n`, `LIMIT skip, n`, `FETCH FIRST n ROWS`,
    /// `TOP n`, `TOP (n)`.
    fn bound(&mut self, tokens: &[Placed<'_>], at: usize) {
        let word = |at: usize| tokens.get(at).map_or(Token::End, |(token, _)| *token);
        let token = word(at);
        if token.is("limit") {
            self.limit = match (word(at + 1), word(at + 2), word(at + 3)) {
                (Token::Number(_), Token::Comma, Token::Number(n)) => Some(n),
                (Token::Number(_), Token::Comma, _) => None,
                (Token::Number(n), _, _) => Some(n),
                _ => None,
            };
        } else if token.is("fetch") && word(at + 1).is_any(&["first", "next"]) {
            let (count, after) = (word(at + 2), word(at + 3));
            self.limit = match count {
                Token::Number(n) => (!after.is("percent")).then_some(n),
                Token::Word(_) => count.is_any(&["row", "rows"]).then_some(1),
                Token::Open | Token::Close | Token::Comma | Token::End | Token::Other => None,
            };
        } else if token.is("top") && !self.from {
            let (n, after) = match (word(at + 1), word(at + 2)) {
                (Token::Open, n) => (n, word(at + 4)),
                (n, after) => (n, after),
            };
            if let (Token::Number(n), false) = (n, after.is_any(&["percent", "with"])) {
                self.limit = Some(n);
            }
        }
    }
}

fn tokens(text: &str) -> Vec<Placed<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut fresh) = (0, true);
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        let end = match byte {
            b'\n' | b':' => {
                fresh = true;
                at += 1;
                continue;
            }
            // A fence around code.
            b'`' if next == b'`' => {
                fresh = true;
                at = run(bytes, at, |b| b == b'`');
                continue;
            }
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if next == b'-' => {
                at = until(bytes, at, b"\n");
                continue;
            }
            b'/' if next == b'*' => {
                at = until(bytes, at + 2, b"*/");
                continue;
            }
            b'\'' | b'"' | b'`' => quoted(bytes, at),
            b if b.is_ascii_digit() => run(bytes, at, |b| b.is_ascii_alphanumeric() || b == b'.'),
            b if is_word(*b) => run(bytes, at, |b| is_word(b) || b.is_ascii_digit() || b == b'.'),
            _ => at + 1,
        };
        let token = token(text.get(at..end).unwrap_or_default());
        tokens.push((token, fresh));
        fresh = matches!(token, Token::Open | Token::End);
        at = end;
    }
    tokens
}

fn token(text: &str) -> Token<'_> {
    match text.as_bytes() {
        b"(" => Token::Open,
        b")" => Token::Close,
        b"," => Token::Comma,
        b";" => Token::End,
        [b, ..] if is_word(*b) => Token::Word(text),
        [b, ..] if b.is_ascii_digit() => text.parse().map_or(Token::Other, Token::Number),
        _ => Token::Other,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn run(bytes: &[u8], from: usize, part: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| part(**b)).count()
}

/// Behind the first `end` at or after `from`, or the end of the text.
fn until(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let found = rest.windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |at| from + at + end.len())
}

/// Behind the closing quote; an apostrophe that nothing closes is only a mark.
fn quoted(bytes: &[u8], from: usize) -> usize {
    let quote = bytes.get(from..=from).unwrap_or_default();
    let end = until(bytes, from + 1, quote);
    let closed = bytes.get(end.saturating_sub(1)..end) == Some(quote) && end > from + 1;
    if closed { end } else { from + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_every_dialect() {
        for (text, expected) in [
            ("SELECT * FROM users LIMIT 10", 10),
            (
                "select id, name from users where a = 'LIMIT 3' limit 20 offset 5",
                20,
            ),
            ("SELECT * FROM t LIMIT 40, 10;", 10),
            (
                "SELECT * FROM t ORDER BY x OFFSET 5 ROWS FETCH NEXT 7 ROWS ONLY",
                7,
            ),
            ("SELECT * FROM t FETCH FIRST ROW ONLY", 1),
            ("SELECT TOP 5 * FROM t", 5),
            ("SELECT TOP (5) a, b FROM t", 5),
            ("SELECT count(*) FROM t", 1),
            ("WITH x AS (SELECT * FROM t) SELECT * FROM x LIMIT 3", 3),
            ("(SELECT a FROM t LIMIT 4)", 4),
            ("SELECT a FROM t LIMIT 4; SELECT b FROM t LIMIT 5", 9),
            ("SELECT a FROM t UNION ALL SELECT b FROM u LIMIT 6", 6),
            ("Please run SELECT * FROM users LIMIT 12 for me", 12),
            (
                "run this:\nselect * from users -- all of them\nlimit 13",
                13,
            ),
            ("```sql\nselect * from `users` limit 14\n```", 14),
            ("SELECT /* LIMIT 1 */ * FROM t LIMIT 15", 15),
        ] {
            assert_eq!(rows(text), Rows::AtMost(expected), "{text}");
        }
    }

    #[test]
    fn a_select_that_no_limit_bounds_is_told() {
        for text in [
            "SELECT * FROM users",
            "select a, b x from users where id > 5 order by a",
            "SELECT * FROM t LIMIT ALL",
            "SELECT * FROM t LIMIT ?",
            "SELECT * FROM (SELECT * FROM t LIMIT 5) x JOIN y",
            "SELECT TOP 10 PERCENT * FROM t",
            "SELECT TOP 5 * FROM t UNION ALL SELECT * FROM u",
            "SELECT * FROM t -- LIMIT 5",
            "SELECT * FROM t WHERE a = 'x LIMIT 5'",
            "SELECT count(*), a FROM t GROUP BY a",
            "SELECT max(a) OVER (PARTITION BY b) FROM t",
            "SELECT CASE WHEN a THEN b ELSE c END FROM t",
            "SELECT a FROM t LIMIT 1; SELECT * FROM t",
            "SELECT it's broken, a FROM t",
        ] {
            assert_eq!(rows(text), Rows::Unbounded, "{text}");
        }
    }

    #[test]
    fn prose_is_no_statement() {
        for text in [
            "Please select the best option from the list",
            "select one item from your cart",
            "Select all the things we need from Paris",
            "we should select from these",
            "a selection from tables",
            "SELECT 1",
            "UPDATE t SET a = 1",
            "",
        ] {
            assert_eq!(rows(text), Rows::None, "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_beginnings_is_given_up() {
        assert_eq!(rows(&"SELECT ( ".repeat(200_000)), Rows::Unbounded);
        assert_eq!(rows(&"select ' -- /* ".repeat(200_000)), Rows::None);
    }
}
