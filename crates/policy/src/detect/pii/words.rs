//! Lists of words, each with what it means, found together in one pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Words, without regard to the case of ASCII letters; of those that overlap the leftmost and then
/// the longest is found.
pub(super) struct Words<M> {
    matcher: AhoCorasick,
    meanings: Vec<M>,
}

impl<M: Copy> Words<M> {
    /// Words separated by `|`; `None` when they cannot be compiled.
    pub(super) fn of(lists: &[(M, &'static str)]) -> Option<Self> {
        let all = lists
            .iter()
            .flat_map(|(meaning, words)| words.split('|').map(move |word| (*meaning, word)));
        let (meanings, words): (Vec<_>, Vec<_>) = all.unzip();
        let matcher = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)
            .ok()?;
        Some(Self { matcher, meanings })
    }

    /// Each word found: its meaning, where it begins and where it ends.
    pub(super) fn find<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (M, usize, usize)> + 'a {
        self.matcher.find_iter(text).filter_map(|hit| {
            let meaning = *self.meanings.get(hit.pattern().as_usize())?;
            Some((meaning, hit.start(), hit.end()))
        })
    }
}
