//! Generated values in generated surroundings: found exactly, and near misses left alone.

use proptest::prelude::*;
use writ_policy::detect::pii::{find, find_in_field};

/// What stands around a value; `{}` is the value.
const CARRIERS: &[&str] = &[
    "{}",
    "see {} ok",
    "\"{}\"",
    "({})",
    "<{}>",
    "[{}]",
    "value={}&next=1",
    "{\"field\": \"{}\", \"n\": 1}",
    "a, {}, b",
    "id\tvalue\n1\t{}\n",
    "It is {}.",
    "Is it {}?",
    "Bitte {} prüfen",
    "请看{}谢谢",
    "line\\n{}\\nline",
    "<td>{}</td>",
    "'{}'; next",
];

fn carrier() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(CARRIERS.to_vec())
}

/// The number with its ISO/IEC 7812 check digit.
fn with_check_digit(number: &str) -> String {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| match (i % 2, u32::from(b - b'0') * 2) {
            (0, double) if double > 9 => double - 9,
            (0, double) => double,
            (_, double) => double / 2,
        })
        .sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

fn in_groups(text: &str, sizes: &[usize], sign: &str) -> String {
    let mut rest = text;
    let mut groups = Vec::new();
    for size in sizes {
        let (group, tail) = rest.split_at((*size).min(rest.len()));
        groups.push(group);
        rest = tail;
    }
    groups.join(sign)
}

fn card() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        ("4[0-9]{14}", Just(&[4, 4, 4, 4][..])),
        ("5[1-5][0-9]{13}", Just(&[4, 4, 4, 4][..])),
        ("3[47][0-9]{12}", Just(&[4, 6, 5][..])),
        ("6011[0-9]{11}", Just(&[4, 4, 4, 4][..])),
        ("36[0-9]{11}", Just(&[4, 6, 4][..])),
    ];
    let sign = proptest::sample::select(vec!["", " ", "-"]);
    (number, sign)
        .prop_map(|((number, groups), sign)| in_groups(&with_check_digit(&number), groups, sign))
}

fn iban() -> impl Strategy<Value = String> {
    let country = prop_oneof![
        (Just("NO"), "[0-9]{11}"),
        (Just("DE"), "[0-9]{18}"),
        (Just("GB"), "[A-Z]{4}[0-9]{14}"),
        (Just("FR"), "[0-9]{10}[0-9A-Z]{11}[0-9]{2}"),
        (Just("MT"), "[A-Z]{4}[0-9]{23}"),
        (Just("LC"), "[A-Z]{4}[0-9]{24}"),
        (Just("PL"), "[0-9]{24}"),
    ];
    let sign = proptest::sample::select(vec!["", " ", "-"]);
    (country, sign).prop_map(|((code, account), sign)| {
        let digits = format!("{account}{code}00");
        let rest = digits.chars().fold(0, |rest, c| {
            let value = c.to_digit(36).unwrap();
            (rest * if value < 10 { 10 } else { 100 } + value) % 97
        });
        let whole = format!("{code}{:02}{account}", 98 - rest);
        in_groups(&whole, &[4; 9][..whole.len().div_ceil(4)], sign)
    })
}

fn value() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![
        card().prop_map(|v| ("credit_card", v)),
        iban().prop_map(|v| ("iban", v)),
        "(0[1-9][0-9]|[1-57][0-9]{2}|8[0-8][0-9])-(0[1-9]|[1-9][0-9])-[1-9][0-9]{3}"
            .prop_map(|v| ("ssn", v)),
        r"(\+1[ -]?)?\([2-9]0[2-8]\) ?[2-9][0-9]{2}-[0-9]{4}".prop_map(|v| ("phone_us", v)),
        r"[2-9]0[2-8]-[2-9][0-9]{2}-[0-9]{4}".prop_map(|v| ("phone_us", v)),
        r"\+(44 20|49 30|33 1|81 3|91 98) [1-9][0-9]{3} [0-9]{4}".prop_map(|v| ("phone_intl", v)),
        "[a-z][a-z0-9]{0,9}([.+_-][a-z0-9]{1,8})?@[a-z][a-z0-9-]{0,8}[a-z]\\.(com|org|io|co\\.uk|museum)"
            .prop_map(|v| ("email", v)),
        any::<std::net::Ipv4Addr>()
            .prop_map(|v| ("ip_address", v.to_string())),
        any::<[u16; 6]>().prop_map(|v| {
            let groups = v.map(|group| format!("{:x}", group | 0x1000));
            ("ip_address", format!("2a02:{}:1", groups.join(":")))
        }),
        "(AKIA[A-Z2-7]{12}[A-Z]2Q7|ghp_[A-Za-z0-9]{34}a7|xoxb-[0-9]{12}-[A-Za-z0-9]{24}|sk_live_[A-Za-z0-9]{22}4b|exe_prod_[A-Za-z0-9]{38}k3)"
            .prop_map(|v| ("api_key", v)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn value_is_found_exactly_wherever_it_stands((kind, value) in value(), carrier in carrier()) {
        let text = carrier.replace("{}", &value);
        let start = carrier.find("{}").unwrap();
        let start = if carrier.starts_with("{\"") { carrier.rfind("{}").unwrap() } else { start };
        let found = find(&text);
        prop_assert_eq!(found.len(), 1, "{}: {:?}", text, found);
        prop_assert_eq!(found[0].kind.as_str(), kind, "{}", text);
        prop_assert_eq!((found[0].span.start, found[0].span.end), (start, start + value.len()), "{}", text);
    }

    #[test]
    fn wrong_check_digit_is_no_card(number in card(), carrier in carrier(), add in 1..10_u8) {
        let (head, last) = number.split_at(number.len() - 1);
        let wrong = format!("{head}{}", (last.parse::<u8>().unwrap() + add) % 10);
        let found = find(&carrier.replace("{}", &wrong));
        prop_assert!(found.iter().all(|f| f.kind.as_str() != "credit_card"), "{}", wrong);
    }

    #[test]
    fn near_misses_are_left_alone(
        text in prop_oneof![
            "version: [0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}",
            "v[0-9]\\.[0-9]\\.[0-9]\\.[0-9]-rc1",
            "(666|000|9[0-9]{2})-[0-9]{2}-[0-9]{4}",
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[a-f][0-9a-f]{11}",
            "sha256:[0-9a-f]{64}",
            "commit [0-9a-f]{40}",
            "2026-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z",
            "order [0-9]{7,12}",
            "([0-9a-f]{2}:){5}[0-9a-f]{2}",
            "[01][0-9]{2}-[0-9]{3}-[0-9]{4}",
            "npm i pkg@[0-9]\\.[0-9]\\.[0-9]",
            "password: \\$\\{[A-Z_]{4,10}\\}",
            "token: (your-token-here|<token>|process\\.env\\.TOKEN|xxxxxxxxxxxx)",
            "(the|my) (key|token|password) is (required|missing|in the vault)",
        ],
    ) {
        prop_assert_eq!(find(&text), [], "{}", text);
    }

    #[test]
    fn findings_are_in_order_apart_and_on_characters(
        pieces in proptest::collection::vec(
            prop_oneof![
                value().prop_map(|(_, v)| v),
                "\\PC{0,12}",
                proptest::sample::select(vec!["password: ", "\u{200b}", " [at] ", "ssn ", "+", "::", "@", "tel. "])
                    .prop_map(str::to_owned),
            ],
            0..12,
        ),
        name in "[a-zA-Z_ ]{0,12}",
    ) {
        let text = pieces.concat();
        for found in [find(&text), find_in_field(&name, &text)] {
            let mut last = 0;
            for one in found {
                prop_assert!(last <= one.span.start && one.span.start < one.span.end);
                prop_assert!(text.get(one.span.start..one.span.end).is_some());
                last = one.span.end;
            }
        }
    }
}
