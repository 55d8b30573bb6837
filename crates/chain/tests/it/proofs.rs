//! A million mutated proofs, none of which proves anything.

use writ_chain::Hash;
use writ_chain::merkle::{
    leaf_hash, prove_consistency, prove_inclusion, root_of, verify_consistency, verify_inclusion,
};

/// A small generator with a fixed seed (SplitMix64): the same million every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Changes a proof in one of six ways; `false` when it is the same as before.
fn mutate(path: &mut Vec<Hash>, random: &mut Random) -> bool {
    let before = path.clone();
    let length = u64::try_from(path.len()).unwrap();
    let at = usize::try_from(random.below(length.max(1))).unwrap();
    let byte = usize::try_from(random.below(32)).unwrap();
    match random.below(6) {
        0 | 1 if length > 0 => path[at][byte] ^= 1 << random.below(8),
        2 if length > 0 => drop(path.remove(at)),
        3 if length > 1 => path.swap(at, (at + 1) % before.len()),
        4 if length > 0 => path.insert(at, path[at]),
        _ => path.insert(at, leaf_hash(&random.next().to_be_bytes())),
    }
    *path != before
}

#[test]
fn a_million_mutated_proofs_are_refused() {
    let leaves: Vec<Hash> = (0..300_u64).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let roots: Vec<Hash> = (0..=300)
        .map(|size| root_of(&leaves[..], size).unwrap())
        .collect();
    let root = |size: u64| &roots[usize::try_from(size).unwrap()];
    let mut random = Random(20_261_120);
    let (mut tried, mut accepted) = (0, 0);
    while tried < 1_000_000 {
        let size = 1 + random.below(300);
        let index = random.below(size);
        let leaf = &leaves[usize::try_from(index).unwrap()];
        let included = prove_inclusion(&leaves[..], index, size).unwrap();
        let old = 1 + random.below(size);
        let grown = prove_consistency(&leaves[..], old, size).unwrap();
        assert!(verify_inclusion(leaf, index, size, &included, root(size)));
        assert!(verify_consistency(old, root(old), size, root(size), &grown));
        for _ in 0..100 {
            let mut bad = included.clone();
            if mutate(&mut bad, &mut random) {
                tried += 1;
                accepted += usize::from(verify_inclusion(leaf, index, size, &bad, root(size)));
            }
            let mut bad = grown.clone();
            if mutate(&mut bad, &mut random) {
                tried += 1;
                accepted += usize::from(verify_consistency(old, root(old), size, root(size), &bad));
            }
        }
    }
    assert_eq!(accepted, 0, "of {tried}");
}
