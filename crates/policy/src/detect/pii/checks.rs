//! Checksums and number plans.

/// The digits of a text.
fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
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

/// Length and issuer prefix of the card schemes in use.
pub(super) fn card(text: &str) -> bool {
    let number = only_digits(text);
    let prefix = |n: usize| {
        number
            .get(..n)
            .and_then(|p| p.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    let plan = match number.len() {
        13 => one == 4,
        14 => (300..=305).contains(&three) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37),
        16 => {
            one == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || four == 6011
                || (644..=659).contains(&three)
                || (3528..=3589).contains(&four)
                || matches!(two, 62 | 81)
        }
        17..=19 => one == 4 || matches!(two, 62 | 50 | 56..=58 | 63 | 67) || four == 6011,
        _ => false,
    };
    let varied = number.bytes().any(|b| Some(b) != number.bytes().next());
    plan && varied && luhn(&number)
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

fn iban_length(country: &str) -> Option<usize> {
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
    let of = |(_, list): &&(usize, &str)| list.split(' ').any(|code| code == country);
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

/// Bits of information a character, times a hundred; separates random secrets from words.
pub(super) fn entropy_centibits(text: &str) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 800"
    )]
    let centibits = (bits * 100.0) as u32;
    centibits
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
