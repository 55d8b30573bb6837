//! What an expression must satisfy before the parser sees it: the parser recurses, and a hostile
//! source would end the process.

use std::iter::Peekable;
use std::str::Chars;

/// Longest source, in bytes.
pub(crate) const MAX_SOURCE: usize = 4096;
const MAX_TOKENS: usize = 1200;
const MAX_NESTING: usize = 24;
/// Operators in a row at one level: `1+1+…` nests as deep as it is long.
const MAX_CHAIN: usize = 48;
const MAX_CONDITIONALS: usize = 24;

/// Why a source is not parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("is longer than {MAX_SOURCE} bytes")]
    TooLong,
    #[error("has more than {MAX_TOKENS} words and signs")]
    TooManyTokens,
    #[error("brackets are nested deeper than {MAX_NESTING}")]
    TooDeep,
    #[error("has more than {MAX_CHAIN} operators in a row")]
    ChainTooLong,
    #[error("has more than {MAX_CONDITIONALS} conditionals")]
    TooManyConditionals,
    #[error("a string is not closed")]
    OpenString,
    #[error("brackets do not match")]
    Unbalanced,
}

/// Scans a source once, without recursion.
pub(crate) fn check(source: &str) -> Result<(), Refusal> {
    if source.len() > MAX_SOURCE {
        return Err(Refusal::TooLong);
    }
    let mut scan = Scan {
        tokens: 0,
        conditionals: 0,
        chains: vec![0],
    };
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => skip_string(&mut chars, c)?,
            '/' if chars.peek() == Some(&'/') => {
                while chars.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            c if c.is_whitespace() => continue,
            c if c.is_alphanumeric() || c == '_' => {
                while chars
                    .next_if(|c| c.is_alphanumeric() || *c == '_')
                    .is_some()
                {}
            }
            c => scan.sign(c, chars.peek().copied())?,
        }
        scan.tokens += 1;
        if scan.tokens > MAX_TOKENS {
            return Err(Refusal::TooManyTokens);
        }
    }
    if scan.chains.len() == 1 {
        Ok(())
    } else {
        Err(Refusal::Unbalanced)
    }
}

struct Scan {
    tokens: usize,
    conditionals: usize,
    /// Operators in a row, one count for each open bracket.
    chains: Vec<usize>,
}

impl Scan {
    fn sign(&mut self, c: char, next: Option<char>) -> Result<(), Refusal> {
        match c {
            '(' | '[' | '{' => {
                self.operator()?;
                self.chains.push(0);
                if self.chains.len() > MAX_NESTING + 1 {
                    return Err(Refusal::TooDeep);
                }
            }
            ')' | ']' | '}' => {
                self.chains.pop();
                if self.chains.is_empty() {
                    return Err(Refusal::Unbalanced);
                }
            }
            '?' => {
                self.conditionals += 1;
                if self.conditionals > MAX_CONDITIONALS {
                    return Err(Refusal::TooManyConditionals);
                }
            }
            ',' => self.reset(),
            // Logical chains are balanced by the parser, so they do not nest.
            '&' | '|' if next == Some(c) => self.reset(),
            _ => self.operator()?,
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain = 0;
        }
    }

    fn operator(&mut self) -> Result<(), Refusal> {
        let Some(chain) = self.chains.last_mut() else {
            return Err(Refusal::Unbalanced);
        };
        *chain += 1;
        if *chain > MAX_CHAIN {
            Err(Refusal::ChainTooLong)
        } else {
            Ok(())
        }
    }
}

/// Skips to the end of a string, one or three quotes wide. A backslash is taken as an escape even
/// in a raw string: that can only make the scan see more string than there is, and an unclosed one
/// is refused.
fn skip_string(chars: &mut Peekable<Chars<'_>>, quote: char) -> Result<(), Refusal> {
    let mut width = 1;
    if chars.next_if_eq(&quote).is_some() {
        if chars.next_if_eq(&quote).is_none() {
            return Ok(());
        }
        width = 3;
    }
    let mut closing = 0;
    while let Some(c) = chars.next() {
        closing = if c == quote { closing + 1 } else { 0 };
        if closing == width {
            return Ok(());
        }
        if c == '\\' {
            chars.next();
        }
    }
    Err(Refusal::OpenString)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_sources_pass() {
        for source in [
            "cost > 1.0 && tools.exists(t, t == 'a)(')",
            "'''it's'''==input",
            "a // )))\n",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn hostile_sources_are_refused_before_parsing() {
        let sum = ["1"; 10_000].join("+");
        assert_eq!(check(&sum), Err(Refusal::TooLong));
        assert_eq!(check(&["1"; 1000].join("+")), Err(Refusal::ChainTooLong));
        assert_eq!(check(&"(".repeat(2000)), Err(Refusal::TooDeep));
        assert_eq!(check(&"!".repeat(2000)), Err(Refusal::ChainTooLong));
        assert_eq!(
            check(&"a?b:".repeat(500)),
            Err(Refusal::TooManyConditionals)
        );
        assert_eq!(check(&"a,".repeat(1500)), Err(Refusal::TooManyTokens));
        assert_eq!(check("input == 'abc"), Err(Refusal::OpenString));
        assert_eq!(check("a)"), Err(Refusal::Unbalanced));
    }
}
