//! Numbers by their exact decimal value (the rule is in the parent module).

/// An exponent of more digits than this is refused: sums of it with a text's length stay in `i64`.
const MAX_EXPONENT_DIGITS: usize = 17;

/// ±`digits` × 10^`exponent`; the digits have no leading or trailing zero and are empty for zero.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a token that already has the shape of a JSON number. `None` when the exponent is out
    /// of range.
    pub(super) fn read(token: &str) -> Option<Self> {
        let (mantissa, power) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let stripped = i64::try_from(significant.len() - digits.len()).ok()?;
        let fraction = i64::try_from(fraction.len()).ok()?;
        let exponent = read_power(power)? - fraction + stripped;
        Some(Self {
            negative,
            digits: digits.to_owned(),
            exponent,
        })
    }

    /// The canonical text; `token` is the text this was read from.
    pub(super) fn canonical(&self, token: &str) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        if let Some(printed) = self.as_a_double_prints(token) {
            return printed;
        }
        let sign = if self.negative { "-" } else { "" };
        let digits = &self.digits;
        match self.exponent {
            0 => format!("{sign}{digits}"),
            exponent => format!("{sign}{digits}e{exponent}"),
        }
    }

    /// ECMAScript's text of the nearest double (RFC 8785 §3.2.2.3), if it has exactly our value.
    fn as_a_double_prints(&self, token: &str) -> Option<String> {
        let nearest = token
            .parse::<f64>()
            .ok()
            .filter(|double| double.is_finite())?;
        let mut buffer = ryu_js::Buffer::new();
        let printed = buffer.format_finite(nearest);
        (Self::read(printed)? == *self).then(|| printed.to_owned())
    }
}

fn read_power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim_start_matches('+')),
    };
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let power = (digits.len() <= MAX_EXPONENT_DIGITS).then(|| digits.parse::<i64>().ok())??;
    Some(if negative { -power } else { power })
}
