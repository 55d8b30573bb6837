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
        let unsigned = if self.is_what_a_double_prints(token) {
            self.ecmascript()
        } else if self.exponent == 0 {
            self.digits.clone()
        } else {
            format!("{}e{}", self.digits, self.exponent)
        };
        if self.negative {
            format!("-{unsigned}")
        } else {
            unsigned
        }
    }

    /// Whether the shortest digits that identify the nearest double are exactly ours. Rust's `{:e}`
    /// prints those digits, as ECMAScript's `Number::toString` (RFC 8785 §3.2.2.3) demands.
    fn is_what_a_double_prints(&self, token: &str) -> bool {
        let nearest = token
            .parse::<f64>()
            .ok()
            .filter(|double| double.is_finite());
        let printed = nearest.map(|double| format!("{double:e}"));
        printed
            .and_then(|text| Self::read(&text))
            .is_some_and(|shortest| shortest == *self)
    }

    /// ECMAScript's layout of the digits: plain from 1e-6 up to 1e21, scientific outside.
    fn ecmascript(&self) -> String {
        let digits = &self.digits;
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let point = count + self.exponent;
        match point {
            21.. | ..=-6 if !(point == 21 && count <= 21) => self.scientific(point - 1),
            _ if count <= point => format!("{digits}{}", zeros(point - count)),
            1.. => {
                let cut = usize::try_from(point).unwrap_or(0);
                let (whole, fraction) = digits.split_at_checked(cut).unwrap_or((digits, ""));
                format!("{whole}.{fraction}")
            }
            _ => format!("0.{}{digits}", zeros(-point)),
        }
    }

    fn scientific(&self, power: i64) -> String {
        let (first, others) = self
            .digits
            .split_at_checked(1)
            .unwrap_or((&self.digits, ""));
        let dot = if others.is_empty() { "" } else { "." };
        format!("{first}{dot}{others}e{power:+}")
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

fn zeros(count: i64) -> String {
    "0".repeat(usize::try_from(count).unwrap_or(0))
}
