//! Restricted words, matched together: two automata per scope, one for texts without accents.

mod fold;

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::text::Texts;
pub(crate) use fold::Accents;
use fold::{fold, joins, look_alikes};

/// The numbers a rule's words got within their policy set.
pub(crate) type WordIds = Range<u32>;

/// A word or phrase, folded.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    folded: String,
    accents: Accents,
    /// Found only where it is not a part of a longer word.
    whole: bool,
}

impl Word {
    /// Folds a word; one that shows nothing is refused.
    pub(crate) fn compile(source: &str, accents: Accents, whole: bool) -> Result<Self, String> {
        let folded = fold(source, accents).trim().to_owned();
        if folded.is_empty() {
            return Err("shows nothing that could be found".to_owned());
        }
        Ok(Self {
            folded,
            accents,
            whole,
        })
    }
}

/// All words of one scope.
#[derive(Debug, Default)]
pub(crate) struct WordGroup {
    pending: Vec<(u32, Word)>,
    dictionaries: Vec<Dictionary>,
}

#[derive(Debug)]
struct Dictionary {
    accents: Accents,
    automaton: AhoCorasick,
    words: Vec<Entry>,
}

/// What is known of a word besides its letters.
#[derive(Debug)]
struct Entry {
    id: u32,
    /// Nothing may join it at its beginning and its end.
    bounded: (bool, bool),
}

/// The texts match more words than one request is worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyMatches;

impl WordGroup {
    pub(crate) fn add(&mut self, id: u32, word: Word) {
        self.pending.push((id, word));
    }

    /// Builds the automata; false when they cannot be.
    pub(crate) fn build(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        for accents in [Accents::Ignored, Accents::Kept] {
            let own = pending.iter().filter(|(_, word)| word.accents == accents);
            let own: Vec<_> = own.collect();
            if own.is_empty() {
                continue;
            }
            let mut builder = AhoCorasick::builder();
            let automaton = builder
                .match_kind(MatchKind::Standard)
                .build(own.iter().map(|(_, word)| word.folded.as_bytes()));
            let Ok(automaton) = automaton else {
                return false;
            };
            let bounded = |word: &Word| {
                let joins = |c: Option<char>| word.whole && c.is_some_and(joins);
                (
                    joins(word.folded.chars().next()),
                    joins(word.folded.chars().next_back()),
                )
            };
            let words = own.iter().map(|(id, word)| Entry {
                id: *id,
                bounded: bounded(word),
            });
            self.dictionaries.push(Dictionary {
                accents,
                automaton,
                words: words.collect(),
            });
        }
        true
    }
}

/// All (word, text) pairs of several groups, ascending, each once.
///
/// # Errors
/// [`TooManyMatches`]: work is bounded by the size of the texts, whatever the words.
pub(crate) fn find<'g>(
    groups: impl Iterator<Item = &'g WordGroup>,
    texts: &Texts<'_>,
) -> Result<Vec<(u32, usize)>, TooManyMatches> {
    let dictionaries: Vec<&Dictionary> = groups.flat_map(|group| &group.dictionaries).collect();
    let mut found = Vec::new();
    for accents in [Accents::Ignored, Accents::Kept] {
        let own = || dictionaries.iter().filter(|d| d.accents == accents);
        if own().next().is_none() {
            continue;
        }
        for (index, text) in texts.iter() {
            let folded = fold(&text.raw, accents);
            let disguised = look_alikes(&folded);
            for form in [Some(&*folded), disguised.as_deref()].into_iter().flatten() {
                for dictionary in own() {
                    let first = found.len();
                    dictionary.find(form, |id| found.push((id, index)))?;
                    dedup_from(&mut found, first);
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Keeps one of each of the newest entries, so that a word said a million times is held once.
fn dedup_from(found: &mut Vec<(u32, usize)>, first: usize) {
    let mut newest = found.split_off(first);
    newest.sort_unstable();
    newest.dedup();
    found.append(&mut newest);
}

impl Dictionary {
    fn find(&self, text: &str, mut found: impl FnMut(u32)) -> Result<(), TooManyMatches> {
        let mut fuel = text.len().saturating_mul(8).saturating_add(10_000);
        for hit in self.automaton.find_overlapping_iter(text.as_bytes()) {
            fuel = fuel.checked_sub(1).ok_or(TooManyMatches)?;
            let Some(entry) = self.words.get(hit.pattern().as_usize()) else {
                continue;
            };
            let before = || text.get(..hit.start()).and_then(|s| s.chars().next_back());
            let after = || text.get(hit.end()..).and_then(|s| s.chars().next());
            let (left, right) = entry.bounded;
            let joined =
                (left && before().is_some_and(joins)) || (right && after().is_some_and(joins));
            if !joined {
                found(entry.id);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    fn found(words: &[(&str, bool, Accents)], text: &str) -> Result<Vec<u32>, TooManyMatches> {
        let mut group = WordGroup::default();
        for (i, (word, whole, accents)) in words.iter().enumerate() {
            let word = Word::compile(word, *accents, *whole).unwrap();
            group.add(u32::try_from(i).unwrap(), word);
        }
        assert!(group.build());
        let request = Request {
            input: text.into(),
            ..Request::default()
        };
        let hits = find(std::iter::once(&group), &Texts::of(&request))?;
        Ok(hits.into_iter().map(|(id, _)| id).collect())
    }

    fn whole(word: &str, text: &str) -> bool {
        found(&[(word, true, Accents::Ignored)], text) == Ok(vec![0])
    }

    #[test]
    fn a_word_ends_where_its_letters_do() {
        for (word, text, expected) in [
            ("secret", "A Secret.", true),
            ("secret", "secretary", false),
            ("secret", "topsecret", false),
            ("secret", "top_secret-plan", true),
            ("secret", "secret2", false),
            ("C++", "we use c++.", true),
            ("$ecret", "a$ecret", true),
            ("project  nightfall", "Project\n\tNightfall begins", true),
            ("project nightfall", "projectnightfall", false),
            ("機密", "この機密文書を", true),
            ("ความลับ", "นี่คือความลับสุดยอด", true),
            ("naive", "nai\u{0308}vely", false),
        ] {
            assert_eq!(whole(word, text), expected, "{word} in {text}");
        }
    }

    #[test]
    fn disguises_do_not_hide_a_word() {
        for text in [
            "CONFIDENTIAL",
            "ｃｏｎｆｉｄｅｎｔｉａｌ",
            "con\u{200B}fid\u{00AD}ential",
            "сonfidentiаl",
            "𝐜𝐨𝐧𝐟𝐢𝐝𝐞𝐧𝐭𝐢𝐚𝐥",
            "cónfìdëntial",
        ] {
            assert!(whole("Confidential", text), "{text}");
        }
        assert!(whole("Straße", "in der STRASSE"));
        assert!(whole("ΟΔΟΣ", "οδος"));
        assert!(whole("секрет", "это СЕКРЕТ!"));
        assert!(whole("İstanbul", "ISTANBUL"));
    }

    #[test]
    fn accents_may_count() {
        let words = [
            ("résumé", true, Accents::Kept),
            ("résumé", true, Accents::Ignored),
        ];
        assert_eq!(found(&words, "to resume"), Ok(vec![1]));
        assert_eq!(found(&words, "my RE\u{0301}SUME\u{0301}"), Ok(vec![0, 1]));
    }

    #[test]
    fn parts_of_words_are_found_where_asked_for() {
        let words = [
            ("secret", false, Accents::Ignored),
            ("secret", true, Accents::Ignored),
        ];
        assert_eq!(found(&words, "secretary"), Ok(vec![0]));
        assert_eq!(
            found(&[("секрет", false, Accents::Ignored)], "секретный"),
            Ok(vec![0])
        );
    }

    #[test]
    fn a_word_that_shows_nothing_is_refused() {
        assert!(Word::compile(" \u{200B}", Accents::Ignored, true).is_err());
        assert!(Word::compile("\u{0301}", Accents::Ignored, true).is_err());
    }

    #[test]
    fn nested_words_cannot_make_the_work_grow() {
        let nested: Vec<String> = (1..200).map(|n| "a".repeat(n)).collect();
        let words: Vec<_> = nested
            .iter()
            .map(|w| (w.as_str(), true, Accents::Ignored))
            .collect();
        assert_eq!(found(&words, &"a".repeat(100_000)), Err(TooManyMatches));
    }
}
