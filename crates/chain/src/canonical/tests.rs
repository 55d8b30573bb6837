use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn text(json: &str) -> String {
    String::from_utf8(canonicalize(json).unwrap()).unwrap()
}

/// RFC 8785 appendix B, and §3.2.3's sorting example.
#[test]
fn rfc_8785_samples() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
    ] {
        let double = f64::from_bits(bits);
        assert_eq!(text(&format!("{double:e}")), expected);
    }
    let unsorted = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"ö":7}"#;
    assert_eq!(
        text(unsorted),
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}"
    );
}

#[test]
fn spellings_of_one_number_are_one() {
    for spelling in ["1", "1.0", "1.00", "10e-1", "0.1e1", "1E0", "1e+0", "1e-0"] {
        assert_eq!(text(spelling), "1");
    }
    for zero in ["0", "-0", "0.0", "-0e9", "0e999999999999999999999999"] {
        assert_eq!(text(zero), "0");
    }
}

#[test]
fn numbers_beyond_a_double_keep_their_value() {
    for (spelling, expected) in [
        ("9007199254740993", "9007199254740993"),
        ("90071992547409930", "9007199254740993e1"),
        ("-9007199254740993.0", "-9007199254740993"),
        ("0.1000000000000000055", "1000000000000000055e-19"),
        ("1e400", "1e400"),
        ("10e399", "1e400"),
        ("-1e-400", "-1e-400"),
        (
            "123456789012345678901234567890",
            "12345678901234567890123456789e1",
        ),
        // The double nearest to this prints as 295147905179352830000, another value.
        ("295147905179352825856", "295147905179352825856"),
    ] {
        assert_eq!(text(spelling), expected);
        assert_eq!(text(expected), expected);
    }
    assert_eq!(
        canonicalize("1e123456789012345678"),
        Err(NotCanonical::NumberOutOfRange { at: 20 })
    );
}

#[test]
fn a_number_is_never_a_string() {
    assert_ne!(text("9007199254740993"), text("\"9007199254740993\""));
}

#[test]
fn repeated_keys_are_refused_however_they_are_spelled() {
    for repeated in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"[{"x":{"k":1,"k":2}}]"#,
        r#"{"\ud800":1,"\ud801":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(matches!(
            canonicalize(repeated),
            Err(NotCanonical::DuplicateKey { .. })
        ));
    }
    assert!(canonicalize(r#"{"a":{"a":1}}"#).is_ok());
}

#[test]
fn nul_and_lone_surrogates_are_replaced() {
    for (written, meant) in [
        (r#""a\u0000b""#, "\"a\u{fffd}b\""),
        (r#""\ud800""#, "\"\u{fffd}\""),
        (r#""\udc00\ud800""#, "\"\u{fffd}\u{fffd}\""),
        (r#""\ud800\u0041""#, "\"\u{fffd}A\""),
        (r#""\ud800\ud83d\ude00""#, "\"\u{fffd}😀\""),
    ] {
        assert_eq!(text(written), meant);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(canonicalize(&nested(MAX_DEPTH)).is_ok());
    let too_deep = NotCanonical::TooDeep { at: MAX_DEPTH };
    assert_eq!(canonicalize(&nested(MAX_DEPTH + 1)), Err(too_deep));
    assert_eq!(canonicalize(&"[".repeat(1_000_000)), Err(too_deep));
    assert!(matches!(
        canonicalize(&"{\"a\":".repeat(100_000)),
        Err(NotCanonical::TooDeep { .. })
    ));
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [
        "",
        " ",
        "nul",
        "tru",
        "True",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "\"\u{0}\"",
        "[",
        "[1",
        "[1,]",
        "[,]",
        "[1 2]",
        "{",
        "{}}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "1 1",
        "\u{feff}1",
        "'a'",
        "[1]x",
        "// c\n1",
        "\u{a0}1",
        "nulll",
        "--1",
    ] {
        assert!(canonicalize(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn whitespace_and_escapes_do_not_count() {
    assert_eq!(
        text(" { \"b\" : [ 1 , true ] ,\n\t\"a\\/\" : null } \r\n"),
        r#"{"a/":null,"b":[1,true]}"#
    );
    assert_eq!(
        text(r#""\u001f\u0008\u007f\u00e9""#),
        "\"\\u001f\\b\u{7f}é\""
    );
}

#[test]
fn structs_serialise_canonically() {
    #[derive(Serialize)]
    struct Sample {
        zeta: Option<u8>,
        alpha: f64,
    }
    assert_eq!(
        to_vec(&Sample {
            zeta: None,
            alpha: 1.0
        })
        .unwrap(),
        br#"{"alpha":1,"zeta":null}"#
    );
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(to_vec(&map), Err(NotCanonical::NotSerializable));
}

fn any_json() -> impl Strategy<Value = Value> {
    let string = "[^\u{0}]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_map(|double| json!(double)),
        any::<u64>().prop_map(|bits| json!(f64::from_bits(bits))),
        string.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(string, inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// Digits, zeros and an exponent, as one decimal value in many spellings.
fn any_decimal() -> impl Strategy<Value = String> {
    (
        "-?(0|[1-9][0-9]{0,25})",
        "(\\.[0-9]{1,25})?",
        "([eE][+-]?[0-9]{1,3})?",
    )
        .prop_map(|(whole, fraction, power)| whole + &fraction + &power)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn equals_the_reference_on_i_json(value in any_json()) {
        let reference = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(&canonicalize(&value.to_string()).unwrap(), &reference);
        prop_assert_eq!(&canonicalize(&serde_json::to_string_pretty(&value).unwrap()).unwrap(), &reference);
        prop_assert_eq!(&to_vec(&value).unwrap(), &reference);
    }

    #[test]
    fn doubles_equal_the_reference(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        if double.is_finite() {
            let reference = serde_json_canonicalizer::to_vec(&double).unwrap();
            prop_assert_eq!(to_vec(&double).unwrap(), reference);
        }
    }

    #[test]
    fn canonical_bytes_are_a_fixed_point(value in any_json(), decimal in any_decimal()) {
        let once = text(&format!("[{value},{decimal}]"));
        prop_assert_eq!(text(&once), once);
    }

    #[test]
    fn scaling_the_spelling_keeps_the_value(decimal in any_decimal(), zeros in 1usize..5) {
        let exponent = |by: &str| format!("{decimal}{by}");
        if !decimal.contains(['e', 'E']) {
            prop_assert_eq!(text(&exponent("e0")), text(&decimal));
            let dotted = if decimal.contains('.') { decimal.clone() } else { decimal.clone() + "." };
            prop_assert_eq!(text(&(dotted + &"0".repeat(zeros))), text(&decimal));
        }
    }

    #[test]
    fn neighbouring_integers_never_collapse(n in any::<u128>()) {
        prop_assert_ne!(text(&n.to_string()), text(&n.wrapping_add(1).to_string()));
    }

    #[test]
    fn accepts_what_serde_json_accepts(noise in "[\\[\\]{}\",:0-9a-e.+\\-\\\\u tfn]{0,24}") {
        let theirs = serde_json::from_str::<Value>(&noise).is_ok();
        let ours = canonicalize(&noise);
        // serde_json also refuses doubles out of range and lone surrogates, and takes repeated keys.
        if theirs {
            prop_assert!(matches!(ours, Ok(_) | Err(NotCanonical::DuplicateKey { .. })), "{ours:?}");
        }
    }
}
