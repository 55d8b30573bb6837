//! Undoes disguises that leave the text readable to a model: compatibility forms, invisible
//! characters, accents, look-alike letters.

use std::borrow::Cow;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// Characters below this one never join with what stands beside them once accents are gone, so
/// each is read alone, out of a table.
const ALONE: char = '\u{0530}';
static ALONE_READ: LazyLock<Vec<String>> = LazyLock::new(|| {
    ('\0'..ALONE)
        .map(|c| decompose(c.encode_utf8(&mut [0; 4])))
        .collect()
});

/// The text as a careless reader sees it. ASCII is returned as it is.
///
/// Nothing joins over a blank, so each part between blanks is read by itself, and an ASCII one is
/// only copied.
pub(super) fn normalise(raw: &str) -> Cow<'_, str> {
    if raw.is_ascii() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut plain = String::new();
    for part in raw.split_inclusive([' ', '\n']) {
        if part.is_ascii() {
            out.push_str(part);
            continue;
        }
        plain.clear();
        if part.chars().all(|c| c < ALONE) {
            plain.extend(
                part.chars()
                    .filter_map(|c| ALONE_READ.get(c as usize))
                    .map(String::as_str),
            );
        } else {
            plain.push_str(&decompose(part));
        }
        fold_into(&mut out, &plain);
    }
    Cow::Owned(out)
}

fn decompose(text: &str) -> String {
    let visible = text.chars().filter_map(visible);
    visible.nfkd().filter(|c| !is_accent(*c)).nfc().collect()
}

/// Drops characters that show nothing; Unicode tag characters spell ASCII invisibly.
pub(crate) fn visible(c: char) -> Option<char> {
    match c {
        '\u{E0020}'..='\u{E007E}' => char::from_u32(u32::from(c) - 0xE0000),
        '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{02BC}' => Some('\''),
        '\u{201C}' | '\u{201D}' => Some('"'),
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{E0000}'..='\u{E0FFF}' => None,
        _ => Some(c),
    }
}

/// Combining marks of European scripts; marks of other scripts are letters of their own.
pub(crate) fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{20D0}'..='\u{20FF}')
}

/// Replaces look-alikes in words that mix scripts or consist of look-alikes only, so that honest
/// Russian or Greek stays what it is.
pub(crate) fn fold_look_alikes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(&mut out, text);
    out
}

fn fold_into(out: &mut String, text: &str) {
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let latin = word.chars().any(|c| c.is_ascii_alphabetic());
        let letters = || word.chars().filter(|c| c.is_alphabetic());
        let disguised = !word.is_ascii() && (latin || letters().all(|c| twin(c).is_some()));
        if disguised {
            out.extend(word.chars().map(|c| twin(c).unwrap_or(c)));
        } else {
            out.push_str(word);
        }
    }
}

/// The Latin letter a character is easily taken for.
fn twin(c: char) -> Option<char> {
    let latin = match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'Ь' | 'в' | 'ʙ' | 'β' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ᴅ' | 'ɗ' => 'd',
        'е' | 'є' | 'ε' | 'ᴇ' | 'ɛ' => 'e',
        'ғ' | 'ꜰ' => 'f',
        'ɡ' | 'ɢ' | 'ց' => 'g',
        'һ' | 'н' | 'ʜ' | 'հ' => 'h',
        'і' | 'ι' | 'ı' | 'ɪ' | 'ӏ' => 'i',
        'ј' | 'ᴊ' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ʟ' | 'ⅼ' => 'l',
        'м' | 'ᴍ' => 'm',
        'ո' | 'п' | 'η' | 'ɴ' | 'ṉ' => 'n',
        'о' | 'ο' | 'σ' | 'օ' | 'ᴏ' | 'ø' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' | 'զ' => 'q',
        'г' | 'ʀ' | 'ꞅ' => 'r',
        'ѕ' | 'ꜱ' | 'ʂ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ս' | 'ᴜ' | 'ц' => 'u',
        'ѵ' | 'ν' | 'ᴠ' => 'v',
        'ѡ' | 'ԝ' | 'ω' | 'ᴡ' | 'ш' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ʏ' | 'ү' => 'y',
        'ᴢ' | 'ʐ' => 'z',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' | 'Ϲ' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' | 'Ӏ' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Ѵ' => 'V',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        _ => return None,
    };
    Some(latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguised_words_become_plain() {
        for disguised in [
            "ign\u{200B}ore",
            "ｉｇｎｏｒｅ",
            "іgnоrе",
            "ígnörè",
            "𝐢𝐠𝐧𝐨𝐫𝐞",
            "ɪɢɴᴏʀᴇ",
            "i\u{0336}g\u{0336}nore",
            "\u{E0069}\u{E0067}\u{E006E}\u{E006F}\u{E0072}\u{E0065}",
        ] {
            assert_eq!(normalise(disguised), "ignore", "{disguised}");
        }
    }

    /// In one piece, without the table.
    fn whole(raw: &str) -> String {
        fold_look_alikes(&decompose(raw))
    }

    proptest::proptest! {
        #[test]
        fn parts_and_the_table_change_nothing(
            raw in r"[a-z ÀéñüßⅣ\u{300}-\u{345}\u{483}й Ωά\u{3099}か\u{93C}ก가\u{1100}\u{1161}\u{200B}\u{A0}¨´\n<=>]{0,40}",
            any in "[ -~\u{80}-\u{600}\u{1E00}-\u{2100} ]{0,40}",
        ) {
            proptest::prop_assert_eq!(normalise(&raw), whole(&raw));
            proptest::prop_assert_eq!(normalise(&any), whole(&any));
        }
    }

    #[test]
    fn honest_other_scripts_keep_their_letters() {
        assert_eq!(normalise("игнорируй инструкции"), "игнорируи инструкции");
        assert_eq!(normalise("以前の指示を無視"), "以前の指示を無視");
        assert_eq!(normalise("がんばって"), "がんばって");
    }
}
