use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// RFC 6962 §2.1 word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        more => {
            let k = naive_split(more.len());
            node_hash(&naive_root(&more[..k]), &naive_root(&more[k..]))
        }
    }
}

/// RFC 6962 §2.1.1.
fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = naive_split(leaves.len());
    let (mut path, sibling) = if m < k {
        (naive_path(m, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (naive_path(m - k, &leaves[k..]), naive_root(&leaves[..k]))
    };
    path.push(sibling);
    path
}

/// RFC 6962 §2.1.2, SUBPROOF.
fn naive_consistency(m: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if complete {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = naive_split(leaves.len());
    let (mut proof, sibling) = if m <= k {
        (
            naive_consistency(m, &leaves[..k], complete),
            naive_root(&leaves[k..]),
        )
    } else {
        (
            naive_consistency(m - k, &leaves[k..], false),
            naive_root(&leaves[..k]),
        )
    };
    proof.push(sibling);
    proof
}

fn naive_split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn long(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

/// The reference vectors of certificate-transparency's merkle tree tests.
const INPUTS: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn certificate_transparency_vectors() {
    let mut tree = Frontier::default();
    assert_eq!(
        hex::encode(tree.root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (input, root) in INPUTS.iter().zip(ROOTS) {
        tree.append(leaf_hash(&hex::decode(input).unwrap()));
        assert_eq!(hex::encode(tree.root()), root);
    }
}

#[test]
fn every_tree_up_to_300_leaves_equals_the_reference() {
    let leaves = leaves(300);
    let mut tree = Frontier::default();
    for size in 0..=300 {
        let slice = &leaves[..size];
        let root = naive_root(slice);
        assert_eq!(tree.root(), root, "size {size}");
        assert_eq!(root_of(slice, long(size)), Ok(root));
        assert_eq!(Frontier::from_bytes(&tree.to_bytes()).as_ref(), Some(&tree));
        if let Some(next) = leaves.get(size) {
            tree.append(*next);
        }
    }
}

#[test]
fn every_inclusion_proof_up_to_300_leaves_equals_the_reference_and_verifies() {
    let leaves = leaves(300);
    for size in 1..=300 {
        let slice = &leaves[..size];
        let root = naive_root(slice);
        for (index, leaf) in slice.iter().enumerate() {
            let path = prove_inclusion(slice, long(index), long(size)).unwrap();
            // The naive reference costs O(n) a proof: compare it on a sample of the big trees.
            if size <= 70 || (size + index) % 37 == 0 {
                assert_eq!(path, naive_path(index, slice), "{index} of {size}");
            }
            assert!(verify_inclusion(
                leaf,
                long(index),
                long(size),
                &path,
                &root
            ));
        }
    }
}

#[test]
fn every_consistency_proof_up_to_300_leaves_equals_the_reference_and_verifies() {
    let leaves = leaves(300);
    let roots: Vec<Hash> = (0..=300).map(|size| naive_root(&leaves[..size])).collect();
    for new in 1..=300 {
        let slice = &leaves[..new];
        for old in 0..=new {
            let proof = prove_consistency(slice, long(old), long(new)).unwrap();
            if old > 0 && (new <= 70 || (new + old) % 37 == 0) {
                assert_eq!(proof, naive_consistency(old, slice, true), "{old} of {new}");
            }
            assert!(
                verify_consistency(long(old), &roots[old], long(new), &roots[new], &proof),
                "{old} of {new}"
            );
        }
    }
}

#[test]
fn what_is_beyond_the_tree_is_refused() {
    let slice = &leaves(5)[..];
    assert_eq!(
        prove_inclusion(slice, 5, 5),
        Err(ProveError::OutOfRange(OutOfRange))
    );
    assert_eq!(
        prove_consistency(slice, 6, 5),
        Err(ProveError::OutOfRange(OutOfRange))
    );
    assert_eq!(
        prove_inclusion(slice, 0, 9),
        Err(ProveError::Store(OutOfRange))
    );
}

#[test]
fn a_stored_frontier_of_another_shape_is_refused() {
    let mut tree = Frontier::default();
    (0..5).for_each(|n| tree.append([n; 32]));
    let bytes = tree.to_bytes();
    assert!(Frontier::from_bytes(&bytes[..bytes.len() - 1]).is_none());
    assert!(Frontier::from_bytes(&bytes[..bytes.len() - 32]).is_none());
    assert!(Frontier::from_bytes(&[]).is_none());
    let mut other_size = bytes;
    other_size[7] = 7;
    assert!(Frontier::from_bytes(&other_size).is_none());
}

#[test]
fn the_empty_tree_is_a_prefix_of_all_and_proves_nothing() {
    let root = [1; 32];
    assert!(verify_consistency(0, &empty_root(), 3, &root, &[]));
    assert!(!verify_consistency(0, &root, 3, &root, &[]));
    assert!(!verify_consistency(0, &empty_root(), 3, &root, &[root]));
    assert!(!verify_consistency(0, &empty_root(), 0, &root, &[]));
    assert!(!verify_inclusion(&root, 0, 0, &[], &root));
}

/// One change to a proof: what is changed, and with which bit or hash.
fn mutate(path: &mut Vec<Hash>, kind: u8, at: usize, bit: usize) {
    let length = path.len();
    let place = if length == 0 { 0 } else { at % length };
    match kind {
        0 if !path.is_empty() => path[place][bit / 8 % 32] ^= 1 << (bit % 8),
        1 if !path.is_empty() => drop(path.remove(place)),
        2 if path.len() > 1 => path.swap(place, (place + 1) % length),
        3 if !path.is_empty() => path.insert(place, path[place]),
        _ => path.insert(place, leaf_hash(&bit.to_be_bytes())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_mutated_inclusion_proof_is_refused(
        size in 1usize..120, at in any::<usize>(), kind in 0u8..5, bit in 0usize..256,
    ) {
        let leaves = leaves(size);
        let index = at % size;
        let root = naive_root(&leaves);
        let good = prove_inclusion(&leaves[..], long(index), long(size)).unwrap();
        let mut bad = good.clone();
        mutate(&mut bad, kind, at, bit);
        if bad != good {
            prop_assert!(!verify_inclusion(&leaves[index], long(index), long(size), &bad, &root));
        }
        let other = (index + 1) % size;
        if other != index {
            prop_assert!(!verify_inclusion(&leaves[other], long(index), long(size), &good, &root));
        }
        prop_assert!(!verify_inclusion(&leaves[index], long(index), long(size), &good, &[9; 32]));
    }

    #[test]
    fn a_mutated_consistency_proof_is_refused(
        new in 2usize..120, at in any::<usize>(), kind in 0u8..5, bit in 0usize..256,
    ) {
        let leaves = leaves(new);
        let old = 1 + at % (new - 1);
        let (old_root, new_root) = (naive_root(&leaves[..old]), naive_root(&leaves));
        let good = prove_consistency(&leaves[..], long(old), long(new)).unwrap();
        let mut bad = good.clone();
        mutate(&mut bad, kind, at, bit);
        if bad != good {
            prop_assert!(!verify_consistency(long(old), &old_root, long(new), &new_root, &bad));
        }
        prop_assert!(!verify_consistency(long(old), &[9; 32], long(new), &new_root, &good));
        prop_assert!(!verify_consistency(long(old), &old_root, long(new), &[9; 32], &good));
        prop_assert!(!verify_consistency(long(new), &new_root, long(old), &old_root, &good));
    }
}

#[test]
fn leaves_and_nodes_are_told_apart() {
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let mut joined = a.to_vec();
    joined.extend(b);
    assert_ne!(leaf_hash(&joined), node_hash(&a, &b));
    let distinct: HashSet<Hash> = leaves(300).into_iter().collect();
    assert_eq!(distinct.len(), 300);
}

#[test]
fn any_range_is_its_subtrees() {
    let leaves = leaves(70);
    for from in 0..70 {
        for to in from..=70 {
            let mut tree = Frontier::default();
            leaves[..from].iter().for_each(|leaf| tree.append(*leaf));
            for (level, index) in subtrees(long(from), long(to)) {
                let root = leaves[..].node(level, index).unwrap();
                assert!(tree.append_subtree(level, root));
            }
            assert_eq!(tree.root(), naive_root(&leaves[..to]), "{from}..{to}");
        }
    }
    let mut tree = Frontier::default();
    tree.append(leaves[0]);
    assert!(!tree.append_subtree(1, leaves[1]) && tree.size() == 1);
    assert!(!tree.append_subtree(64, leaves[1]));
}
