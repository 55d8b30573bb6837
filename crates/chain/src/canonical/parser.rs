//! A strict RFC 8259 reader that writes the canonical form as it goes.

use super::number::Decimal;
use super::{MAX_DEPTH, Member, NotCanonical, text, write_object};

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Reads one value and appends its canonical bytes to `out`.
    pub(super) fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), NotCanonical> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => {
                let members = self.object(depth)?;
                write_object(out, members.iter());
                Ok(())
            }
            Some(b'[') => self.array(out, depth),
            Some(b'"') => {
                let string = self.string()?;
                text::write_string(out, &string);
                Ok(())
            }
            Some(b't') => self.literal(out, "true"),
            Some(b'f') => self.literal(out, "false"),
            Some(b'n') => self.literal(out, "null"),
            Some(b'-' | b'0'..=b'9') => self.number(out),
            _ => Err(self.syntax()),
        }
    }

    /// The members of the root when it is an object; otherwise reads the value and returns `None`.
    pub(super) fn root_members(&mut self) -> Result<Option<Vec<Member>>, NotCanonical> {
        self.skip_whitespace();
        if self.peek() == Some(b'{') {
            return self.object(0).map(Some);
        }
        self.value(&mut Vec::new(), 0)?;
        Ok(None)
    }

    /// Nothing but whitespace may follow the value.
    pub(super) fn end(&mut self) -> Result<(), NotCanonical> {
        self.skip_whitespace();
        if self.peek().is_none() {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, NotCanonical> {
        self.enter(depth)?;
        let mut members = Vec::new();
        self.skip_whitespace();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.skip_whitespace();
            let key = self.string()?;
            self.skip_whitespace();
            self.expect(b':')?;
            let mut value = Vec::new();
            self.value(&mut value, depth + 1)?;
            members.push((key, value));
            self.skip_whitespace();
            if self.take(b',') {
                continue;
            }
            self.expect(b'}')?;
            break;
        }
        members.sort_by(|(a, _), (b, _)| text::utf16_order(a, b));
        let repeats = members.windows(2).any(|pair| match pair {
            [(a, _), (b, _)] => a == b,
            _ => false,
        });
        if repeats {
            Err(NotCanonical::DuplicateKey { at: self.at })
        } else {
            Ok(members)
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), NotCanonical> {
        self.enter(depth)?;
        out.push(b'[');
        self.skip_whitespace();
        if self.take(b']') {
            out.push(b']');
            return Ok(());
        }
        loop {
            self.value(out, depth + 1)?;
            self.skip_whitespace();
            if self.take(b',') {
                out.push(b',');
                continue;
            }
            self.expect(b']')?;
            out.push(b']');
            return Ok(());
        }
    }

    fn string(&mut self) -> Result<String, NotCanonical> {
        self.expect(b'"')?;
        let mut string = String::new();
        loop {
            string.push_str(self.plain_run());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                _ => return Err(self.syntax()),
            }
        }
    }

    /// The characters up to the next quote, backslash or control character, all of them ASCII, so
    /// the cut falls on a character boundary.
    fn plain_run(&mut self) -> &'a str {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
        {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<char, NotCanonical> {
        let at = self.at;
        let byte = self.peek().ok_or_else(|| self.syntax())?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode_escape()?,
            _ => return Err(NotCanonical::Syntax { at }),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, NotCanonical> {
        let unit = self.hex4()?;
        if (0xD800..0xDC00).contains(&unit) && self.rest().starts_with("\\u") {
            let before_second = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let scalar = 0x1_0000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before_second;
        }
        Ok(char::from_u32(unit)
            .filter(|c| *c != '\0')
            .unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, NotCanonical> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.syntax())?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        let decimal = Decimal::read(token).ok_or(NotCanonical::NumberOutOfRange { at: self.at })?;
        out.extend_from_slice(decimal.canonical(token).as_bytes());
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotCanonical> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn literal(&mut self, out: &mut Vec<u8>, word: &str) -> Result<(), NotCanonical> {
        if !self.rest().starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        out.extend_from_slice(word.as_bytes());
        Ok(())
    }

    fn enter(&mut self, depth: usize) -> Result<(), NotCanonical> {
        if depth >= MAX_DEPTH {
            return Err(NotCanonical::TooDeep { at: self.at });
        }
        self.at += 1;
        Ok(())
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotCanonical> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn syntax(&self) -> NotCanonical {
        NotCanonical::Syntax { at: self.at }
    }
}
