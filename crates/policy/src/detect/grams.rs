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
    let mut spelt = Spelt::default();
    let mut at = 0;
    while let Some((class, width)) = class_at(text, at) {
        match class {
            Class::Letter(letter) => spelt.letter(at, letter),
            Class::Alone(letter) => {
                cutter.end(&mut spelt, at, &mut found);
                spelt.letter(at, letter);
                cutter.end(&mut spelt, at + width, &mut found);
            }
            Class::Blank => cutter.end(&mut spelt, at, &mut found),
            Class::Mark(mark) => {
                cutter.end(&mut spelt, at, &mut found);
                cutter.mark = mark;
            }
        }
        at += width;
    }
    cutter.end(&mut spelt, at, &mut found);
}

/// The class of the character at a boundary, and its bytes.
#[inline]
fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = text.as_bytes().get(at)?;
    if let Some(class) = ASCII.get(usize::from(*byte)) {
        return Some((*class, 1));
    }
    let c = text.get(at..)?.chars().next()?;
    Some((class(c), c.len_utf8()))
}

#[derive(Clone, Copy)]
enum Class {
    Letter(Letter),
    /// A word by itself.
    Alone(Letter),
    Blank,
    /// Between words.
    Mark(u32),
}

/// A letter in lower case, and what it adds to the letters of its word.
#[derive(Clone, Copy)]
struct Letter {
    code: u32,
    share: u32,
}

const fn letter(code: u32) -> Letter {
    Letter {
        code,
        share: mix(code, 1),
    }
}

static ASCII: [Class; 128] = {
    let mut classes = [Class::Blank; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        #[allow(clippy::indexing_slicing, reason = "the byte is below 128")]
        {
            classes[byte as usize] = match byte {
                b'A'..=b'Z' | b'a'..=b'z' => {
                    Class::Letter(letter(byte.to_ascii_lowercase() as u32))
                }
                b'0'..=b'9' => Class::Letter(letter(b'0' as u32)),
                b' ' | b'\t' | b'\r' => Class::Blank,
                _ => Class::Mark(byte as u32),
            };
        }
        byte += 1;
    }
    classes
};

/// How a character that is not ASCII counts.
fn class(c: char) -> Class {
    match c {
        // The same as below, sooner.
        '\u{0430}'..='\u{045F}' | '\u{00DF}'..='\u{00F6}' => Class::Letter(letter(u32::from(c))),
        '\u{0410}'..='\u{042F}' => Class::Letter(letter(u32::from(c) + 32)),
        '\u{0E00}'..='\u{0EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => Class::Alone(letter(u32::from(c))),
        // Vowel signs of Indic scripts are no letters to `char`, but parts of words.
        '\u{0900}'..='\u{0DFF}' => Class::Letter(letter(u32::from(c))),
        _ if c.is_alphanumeric() => {
            let lower = c.to_lowercase().next().unwrap_or(c);
            Class::Letter(letter(u32::from(lower)))
        }
        _ => Class::Mark(u32::from(c)),
    }
}

/// The letters of a word so far.
#[derive(Default)]
struct Spelt {
    start: usize,
    letters: u32,
    bag: u32,
    first: u32,
    stem: u32,
}

impl Spelt {
    fn letter(&mut self, at: usize, letter: Letter) {
        if self.letters == 0 {
            self.start = at;
            self.first = letter.code;
        }
        self.letters += 1;
        self.bag = self.bag.wrapping_add(letter.share);
        // Mixed even where it is not needed: that is cheaper than guessing.
        let stem = mix(self.stem, letter.code);
        self.stem = if self.letters <= STEM {
            stem
        } else {
            self.stem
        };
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
    /// The last mark before the word.
    mark: u32,
    before: [Seen; 2],
}

impl Cutter {
    fn new(text: &str) -> Self {
        Self {
            quotes: Quotes::of(text),
            mark: u32::from('\n'),
            before: [Seen::default(); 2],
        }
    }

    fn end(&mut self, spelt: &mut Spelt, end: usize, found: &mut impl FnMut(Word)) {
        if spelt.letters == 0 {
            return;
        }
        let Spelt {
            start,
            bag,
            first,
            stem,
            ..
        } = std::mem::take(spelt);
        let now = Seen {
            word: mix(bag, first),
            stem,
        };
        let place = if self.quotes.contain(start) { 16 } else { 0 };
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
        found(Word { start, end, grams });
        self.before = [one, now];
        self.mark = 0;
    }
}

/// Mixes two numbers; the order matters.
const fn mix(a: u32, b: u32) -> u32 {
    let x = (a.rotate_left(5) ^ b).wrapping_mul(0x9E37_79B1);
    x ^ (x >> 15)
}
