use super::*;
use crate::chain::tests::{body, tenant};
use proptest::prelude::*;

fn position() -> Position {
    Position {
        tenant: tenant(1),
        seq: 7,
        event_id: tenant(9),
        prev_hash: [3; 32],
    }
}

#[test]
fn a_leaf_reads_back_as_it_was_framed() {
    let bytes = frame(&position(), &body(4)).unwrap();
    let leaf = Leaf::parse(&bytes).unwrap();
    assert_eq!(leaf.position, position());
    assert_eq!(leaf.entry().unwrap(), body(4));
}

/// Final for ever: a change here breaks every ledger ever written.
#[test]
fn golden_leaf() {
    let bytes = frame(&position(), &body(4)).unwrap();
    assert_eq!(
        hex::encode(leaf_hash(&bytes)),
        "756a55f4e74d3937e69e92d9292dbd3aecd5285590ddc62deecd806f5550567d"
    );
    assert_eq!(
        hex::encode(genesis_hash(tenant(1))),
        "767f1c9220745ed5dc92f73915be6d161f04fd48c526b495f2f9f82713bbac37"
    );
}

#[test]
fn missing_fields_are_left_out() {
    let leaf = Leaf::parse(&frame(&position(), &body(4)).unwrap()).unwrap();
    let text = String::from_utf8(leaf.body).unwrap();
    assert!(
        !text.contains("null") && !text.contains("on_behalf_of"),
        "{text}"
    );
}

#[test]
fn a_body_that_is_not_canonical_is_refused() {
    let good = frame(&position(), &body(4)).unwrap();
    let spaced = |body: &[u8]| {
        let mut bytes = good[..82].to_vec();
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    };
    assert!(Leaf::parse(&spaced(&good[86..])).is_ok());
    for body in [
        &b"{ }"[..],
        b"[]",
        b"{\"b\":1,\"a\":1}",
        b"{\"a\":1.0}",
        b"\xff",
        b"",
    ] {
        assert_eq!(Leaf::parse(&spaced(body)), Err(InvalidLeaf::Body));
    }
}

#[test]
fn a_huge_body_is_refused() {
    let mut huge = body(1);
    huge.target = Some("x".repeat(MAX_BODY_BYTES));
    assert_eq!(frame(&position(), &huge), Err(InvalidLeaf::TooLarge));
}

proptest! {
    #[test]
    fn shortened_or_lengthened_leaves_are_refused(cut in 0usize..300, more in 1usize..9) {
        let bytes = frame(&position(), &body(4)).unwrap();
        let cut = cut % bytes.len();
        prop_assert!(Leaf::parse(&bytes[..cut]).is_err());
        let mut longer = bytes;
        longer.extend(vec![b' '; more]);
        prop_assert!(Leaf::parse(&longer).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Leaf::parse(&bytes).is_err());
    }
}
