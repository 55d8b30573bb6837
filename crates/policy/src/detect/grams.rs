//! Cuts a text into short runs of words, each a number: what the trained model weighs.
//!
//! A word counts by its first letter and the letters it has, not by their order, so that swapped
//! letters change nothing. Its stem, the first five letters, stands for its other forms. Scripts
//! without gaps between words are cut into single letters. What stands in quotation marks gets
//! numbers of its own: text about an attack is not an attack.

use super::quotes::Quotes;

/// Letters of a word that make its stem.
const STEM: u32 = 5;
/// Runs that end with one word.
const PER_WORD: usize = 8;

/// A word, and the runs that end with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Where it stands, in bytes.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    /// The number of each run.
    pub(super) grams: [u32; PER_WORD],
}

/// Calls `found` with every word of a normalised text, in order.
pub(super) fn words(text: &str, mut found: impl FnMut(Word)) {
    let mut cutter = Cutter::new(text);
    let mut chars = text.char_indices();
    let mut last = 0;
    for (at, c) in &mut chars {
        last = at + c.len_utf8();
        match class(c) {
            Class::Letter(letter) => cutter.letter(at, letter),
            Class::Alone => {
                cutter.end(at, &mut found);
                cutter.letter(at, u32::from(c));
                cutter.end(last, &mut found);
            }
            Class::Gap(mark) => {
                cutter.end(at, &mut found);
                cutter.mark = mark.unwrap_or(cutter.mark);
            }
        }
    }
    cutter.end(last, &mut found);
}

enum Class {
    Letter(u32),
    /// A word by itself.
    Alone,
    /// Between words; blanks are no mark.
    Gap(Option<u32>),
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' => Class::Letter(u32::from(c)),
        'A'..='Z' => Class::Letter(u32::from(c) + 32),
        '0'..='9' => Class::Letter(u32::from('0')),
        ' ' | '\t' | '\r' => Class::Gap(None),
        '\0'..='\x7f' => Class::Gap(Some(u32::from(c))),
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => Class::Alone,
        // Vowel signs of Indic scripts are no letters to `char`, but parts of words.
        '\u{0900}'..='\u{0DFF}' => Class::Letter(u32::from(c)),
        _ if c.is_alphanumeric() => {
            let lower = c.to_lowercase().next().unwrap_or(c);
            Class::Letter(u32::from(lower))
        }
        _ => Class::Gap(Some(u32::from(c))),
    }
}

/// A word seen before: by its letters and by its stem.
#[derive(Clone, Copy, Default)]
struct Seen {
    word: u32,
    stem: u32,
}

struct Cutter {
    quotes: Quotes,
    start: usize,
    letters: u32,
    bag: u32,
    first: u32,
    stem: u32,
    /// The last mark before the word.
    mark: u32,
    before: [Seen; 2],
}

impl Cutter {
    fn new(text: &str) -> Self {
        Self {
            quotes: Quotes::of(text),
            start: 0,
            letters: 0,
            bag: 0,
            first: 0,
            stem: 0,
            mark: u32::from('\n'),
            before: [Seen::default(); 2],
        }
    }

    fn letter(&mut self, at: usize, letter: u32) {
        if self.letters == 0 {
            self.start = at;
            self.first = letter;
        }
        self.letters += 1;
        self.bag = self.bag.wrapping_add(mix(letter, 1));
        if self.letters <= STEM {
            self.stem = mix(self.stem, letter);
        }
    }

    fn end(&mut self, end: usize, found: &mut impl FnMut(Word)) {
        if self.letters == 0 {
            return;
        }
        let now = Seen {
            word: mix(self.bag, self.first),
            stem: self.stem,
        };
        let place = if self.quotes.contain(self.start) {
            16
        } else {
            0
        };
        let [two, one] = self.before;
        let pair = mix(one.word, now.word);
        let grams = [
            mix(now.word, 1 + place),
            mix(pair, 2 + place),
            mix(mix(two.word, pair), 3 + place),
            mix(mix(two.word, now.word), 4 + place),
            mix(now.stem, 5 + place),
            mix(mix(one.stem, now.stem), 6 + place),
            mix(mix(two.stem, now.stem), 7 + place),
            mix(mix(self.mark, now.stem), 8 + place),
        ];
        found(Word {
            start: self.start,
            end,
            grams,
        });
        self.before = [one, now];
        (self.letters, self.bag, self.stem) = (0, 0, 0);
        self.mark = 0;
    }
}

/// Mixes two numbers; the order matters.
const fn mix(a: u32, b: u32) -> u32 {
    let x = (a.rotate_left(5) ^ b).wrapping_mul(0x9E37_79B1);
    x ^ (x >> 15)
}
