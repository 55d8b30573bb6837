//! Looks for rare bytes in long texts.

/// Bytes that are looked at together; the compiler makes vector instructions of them.
const CHUNK: usize = 32;

/// The places of the bytes that `rare` accepts, ascending. Fast where there are few of them and
/// `rare` consists of comparisons.
pub(super) fn places(
    bytes: &[u8],
    rare: impl Fn(u8) -> bool + Copy,
) -> impl Iterator<Item = usize> {
    let chunks = bytes.chunks(CHUNK).enumerate();
    let hit = chunks.filter(move |(_, chunk)| chunk.iter().fold(false, |any, b| any | rare(*b)));
    hit.flat_map(move |(i, chunk)| {
        let found = chunk.iter().enumerate().filter(move |(_, b)| rare(**b));
        found.map(move |(at, _)| i * CHUNK + at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_in_order() {
        let text: Vec<u8> = (0..1000_u32).map(|n| (n * n % 251) as u8).collect();
        for wanted in [0_u8, 1, 25, 64, 250] {
            let all: Vec<usize> = (0..text.len()).filter(|i| text[*i] == wanted).collect();
            let found: Vec<usize> = places(&text, |b| b == wanted).collect();
            assert_eq!(found, all);
        }
        assert_eq!(places(b"", |_| true).next(), None);
    }
}
