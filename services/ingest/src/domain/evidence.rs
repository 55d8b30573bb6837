//! How a trace says it knows that its act had its effect.

use super::fields::Fields;

/// What confirms an effect; an acknowledgement is none.
const CONFIRMING: [&str; 2] = ["read_back", "callback"];

/// Whether `effectEvidence` confirms the effect: it was read back or called back, and says what by.
#[must_use]
pub(super) fn confirms(effect_evidence: &str) -> bool {
    let Some(mut evidence) = Fields::of(effect_evidence) else {
        return false;
    };
    let basis = evidence.text_if_any("basis");
    let named = ["effectRef", "acknowledgementId"]
        .into_iter()
        .any(|field| !evidence.text_if_any(field).trim().is_empty());
    CONFIRMING.contains(&basis.as_str()) && named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_or_called_back_and_can_be_looked_up_confirms() {
        for (evidence, confirmed) in [
            (r#"{"basis":"read_back","effectRef":"order-7"}"#, true),
            (r#"{"basis":"callback","acknowledgementId":"a"}"#, true),
            (r#"{"basis":"read_back"}"#, false),
            (r#"{"basis":"callback","effectRef":" "}"#, false),
            (
                r#"{"basis":"acknowledgement","effectRef":"order-7"}"#,
                false,
            ),
            (r#"{"basis":"none","effectRef":"order-7"}"#, false),
            ("[]", false),
            ("", false),
        ] {
            assert_eq!(confirms(evidence), confirmed, "{evidence}");
        }
    }
}
