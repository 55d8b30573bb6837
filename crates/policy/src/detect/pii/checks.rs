//! Checksums and number plans.

/// The digits of a text.
fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.map(|b| u32::from(b - b'0'))
}

/// The digits of a text as a string.
pub(super) fn only_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// ISO/IEC 7812 check digit.
pub(super) fn luhn(text: &str) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => d,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Length and issuer prefix of the card schemes in use, and the check digit.
pub(super) fn card(text: &str) -> bool {
    let (mut prefix, mut length, mut first, mut varied) = (0, 0, None, false);
    for digit in digits(text) {
        length += 1;
        if length <= 4 {
            prefix = prefix * 10 + digit;
        }
        varied |= *first.get_or_insert(digit) != digit;
    }
    scheme(prefix).is_some_and(|lengths| lengths.contains(&length)) && varied && luhn(text)
}

/// Whether a card number may begin with these four digits.
pub(super) fn card_prefix(four: &str) -> bool {
    four.parse().is_ok_and(|prefix| scheme(prefix).is_some())
}

/// The lengths of the scheme whose numbers begin with these four digits.
fn scheme(prefix: u32) -> Option<&'static [u32]> {
    Some(match prefix {
        4000..=4999 => &[13, 16, 19],
        5100..=5599 | 2221..=2720 | 2200..=2204 => &[16],
        3400..=3499 | 3700..=3799 => &[15],
        6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 | 8100..=8199 => &[16, 17, 18, 19],
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => &[14],
        5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 => &[17, 18, 19],
        _ => return None,
    })
}

/// US Social Security Administration: areas 000, 666 and 900–999, group 00 and serial 0000 are
/// never issued.
pub(super) fn ssn(text: &str) -> bool {
    let number = only_digits(text);
    let part = |from: usize, to: usize| number.get(from..to).unwrap_or_default();
    number.len() == 9
        && !matches!(part(0, 3), "000" | "666")
        && !number.starts_with('9')
        && part(3, 5) != "00"
        && part(5, 9) != "0000"
}

/// ISO 13616: length by country and remainder 1 modulo 97.
pub(super) fn iban(text: &str) -> bool {
    let compact: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let Some((country, _)) = compact.split_at_checked(2) else {
        return false;
    };
    if iban_length(country) != Some(compact.len()) {
        return false;
    }
    let (Some(head), Some(tail)) = (compact.get(..4), compact.get(4..)) else {
        return false;
    };
    let remainder = tail.chars().chain(head.chars()).try_fold(0_u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some(if value < 10 {
            (rest * 10 + value) % 97
        } else {
            (rest * 100 + value) % 97
        })
    });
    remainder == Some(1)
}

pub(super) fn iban_length(country: &str) -> Option<usize> {
    const LENGTHS: &[(usize, &str)] = &[
        (15, "NO"),
        (16, "BE"),
        (18, "DK FO FI GL NL SD"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK MN"),
        (21, "CR HR LI LV CH"),
        (22, "BH BG GE DE IE ME RS GB"),
        (23, "AE GI IL IQ TL OM SO"),
        (24, "AD CZ MD PK RO SA SK ES SE TN VG DZ"),
        (25, "PT ST LY"),
        (26, "IS TR"),
        (27, "FR GR IT MR MC SM BI DJ"),
        (28, "AL AZ CY DO GT HU LB PL SV BY NI"),
        (29, "BR PS QA UA EG"),
        (30, "JO KW MU"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    ];
    let of = |(_, list): &&(usize, &str)| {
        let mut codes = list.split(' ');
        codes.any(|code| code.eq_ignore_ascii_case(country))
    };
    LENGTHS.iter().find(of).map(|(length, _)| *length)
}

/// North American numbering plan: area and exchange start with 2–9 and are no service code.
pub(super) fn nanp(text: &str) -> bool {
    let number = only_digits(text);
    let local = match number.len() {
        11 => number.strip_prefix('1'),
        10 => Some(number.as_str()),
        _ => None,
    };
    let Some(local) = local else { return false };
    let first = |at: usize| {
        local
            .as_bytes()
            .get(at)
            .is_some_and(|b| (b'2'..=b'9').contains(b))
    };
    first(0) && first(3) && local.get(1..3) != Some("11")
}

/// 555 numbers stand for a phone number in examples; people try a policy with them.
pub(super) fn fictitious(text: &str) -> bool {
    let number = only_digits(text);
    let local = number.get(number.len().saturating_sub(10)..);
    local.is_some_and(|n| n.len() == 10 && n.starts_with("555"))
}

/// The length of the E.164 country code these digits begin with; +1 is not among them.
pub(super) fn country_code(digits: &[u8]) -> Option<usize> {
    match digits {
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => Some(2),
        [b'7', ..] => Some(1),
        [b'2', b'1', b'1'..=b'3' | b'6' | b'8']
        | [b'2', b'2' | b'3' | b'4' | b'6', _]
        | [b'2', b'5', b'0'..=b'8']
        | [b'2', b'9', b'0' | b'1' | b'7'..=b'9']
        | [b'3', b'5' | b'7', _]
        | [b'3', b'8', b'0'..=b'3' | b'5'..=b'7' | b'9']
        | [b'4', b'2', b'0' | b'1' | b'3']
        | [b'5', b'0' | b'9', _]
        | [b'6', b'7', b'0' | b'2'..=b'9']
        | [b'6', b'8', b'0'..=b'3' | b'5'..=b'9']
        | [b'6', b'9', b'0'..=b'2']
        | [b'8', b'0', b'0' | b'8']
        | [b'8', b'5', b'0' | b'2' | b'3' | b'5' | b'6']
        | [b'8', b'7', b'0' | b'8']
        | [b'8', b'8', b'0' | b'1' | b'2' | b'3' | b'6' | b'8']
        | [b'9', b'6', b'0'..=b'8']
        | [b'9', b'7', b'0'..=b'7' | b'9']
        | [b'9', b'9', b'2'..=b'6' | b'8'] => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_tell_numbers_apart() {
        assert!(card("4111 1111 1111 1111") && card("378282246310005"));
        assert!(!card("4111 1111 1111 1112") && !card("0000000000000000"));
        assert!(iban("DE89 3704 0044 0532 0130 00") && iban("GB82WEST12345698765432"));
        assert!(!iban("DE89370400440532013001") && !iban("XX82WEST12345698765432"));
        assert!(
            ssn("536-90-4399") && !ssn("666-12-3456") && !ssn("123-45-0000") && !ssn("900-10-1000")
        );
        assert!(nanp("(415) 555-2671") && !nanp("115 555 2671") && !nanp("415 055 2671"));
    }
}
