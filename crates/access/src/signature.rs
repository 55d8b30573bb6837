//! Request signatures of the client library: HMAC-SHA256 keyed with the API key itself.
//!
//! `X-Execlave-Timestamp` is Unix seconds, `X-Execlave-Signature` is `sha256=` and the hex HMAC of
//! `<timestamp>.<raw body>`. Method, path and query are not covered. There is no list of used
//! signatures: all bodyless requests of one second carry the same one. (Wire contract §2.2.)

use subtle::ConstantTimeEq;

use crate::digest::hmac_sha256;

/// Name of the header with the signing time.
pub const TIMESTAMP_HEADER: &str = "x-execlave-timestamp";
/// Name of the header with the signature.
pub const SIGNATURE_HEADER: &str = "x-execlave-signature";
/// How far, in seconds, a signing time may lie from ours, either way.
pub const WINDOW_S: u64 = 300;

/// Checks a request's signature over the raw bytes received.
///
/// Unsigned requests pass unless `required`. One header without the other is refused.
///
/// # Errors
/// [`SignatureRefusal`]; its [`SignatureRefusal::code`] is always `SIGNATURE_INVALID`.
pub fn verify_request(
    key: &str,
    timestamp: Option<&str>,
    signature: Option<&str>,
    raw_body: &[u8],
    now_s: i64,
    required: bool,
) -> Result<(), SignatureRefusal> {
    let (timestamp, signature) = match (timestamp, signature) {
        (None, None) if required => return Err(SignatureRefusal::Missing),
        (None, None) => return Ok(()),
        (Some(timestamp), Some(signature)) => (timestamp, signature),
        (Some(_), None) | (None, Some(_)) => return Err(SignatureRefusal::Incomplete),
    };
    let signed_at: i64 = decimal(timestamp).ok_or(SignatureRefusal::Timestamp)?;
    if now_s.abs_diff(signed_at) > WINDOW_S {
        return Err(SignatureRefusal::Stale);
    }
    let presented = signature
        .strip_prefix("sha256=")
        .and_then(|text| hex::decode(text).ok())
        .ok_or(SignatureRefusal::Mismatch)?;
    // The text as received is signed, not the number read from it.
    let expected = hmac_sha256(key.as_bytes(), &[timestamp.as_bytes(), b".", raw_body]);
    if bool::from(expected.as_slice().ct_eq(presented.as_slice())) {
        Ok(())
    } else {
        Err(SignatureRefusal::Mismatch)
    }
}

/// The signature header's value for a request, as the client library makes it.
#[must_use]
pub fn sign_request(key: &str, timestamp: &str, raw_body: &[u8]) -> String {
    let code = hmac_sha256(key.as_bytes(), &[timestamp.as_bytes(), b".", raw_body]);
    format!("sha256={}", hex::encode(code))
}

fn decimal(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Why a request signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// The key or organisation demands a signature.
    #[error("this key requires signed requests")]
    Missing,
    /// Only one of the two headers came.
    #[error("a signed request needs both the timestamp and the signature header")]
    Incomplete,
    /// The timestamp is not whole Unix seconds.
    #[error("the signature timestamp is not whole Unix seconds")]
    Timestamp,
    /// The timestamp is more than 300 s away.
    #[error("the signature timestamp is outside the window of 300 seconds")]
    Stale,
    /// The signature does not fit key, timestamp and body.
    #[error("the request signature does not match")]
    Mismatch,
}

impl SignatureRefusal {
    /// The stable word for the error body's `code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        "SIGNATURE_INVALID"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "ag_test_key";
    const NOW: i64 = 1_700_000_000;

    fn verify(timestamp: &str, signature: &str, body: &[u8]) -> Result<(), SignatureRefusal> {
        verify_request(KEY, Some(timestamp), Some(signature), body, NOW, true)
    }

    proptest! {
        #[test]
        fn a_signed_request_verifies_within_the_window(
            body: Vec<u8>, offset in -300i64..=300,
        ) {
            let timestamp = (NOW + offset).to_string();
            let signature = sign_request(KEY, &timestamp, &body);
            prop_assert_eq!(verify(&timestamp, &signature, &body), Ok(()));
        }

        #[test]
        fn a_changed_body_is_refused(mut body in prop::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index) {
            let timestamp = NOW.to_string();
            let signature = sign_request(KEY, &timestamp, &body);
            let at = at.index(body.len());
            body[at] ^= 1;
            prop_assert_eq!(
                verify(&timestamp, &signature, &body),
                Err(SignatureRefusal::Mismatch)
            );
        }
    }

    #[test]
    fn an_empty_body_is_signed_as_the_timestamp_and_a_dot() {
        let timestamp = NOW.to_string();
        assert_eq!(
            verify(&timestamp, &sign_request(KEY, &timestamp, b""), b""),
            Ok(())
        );
    }

    #[test]
    fn a_timestamp_outside_the_window_is_stale() {
        for offset in [-301, 301] {
            let timestamp = (NOW + offset).to_string();
            let signature = sign_request(KEY, &timestamp, b"{}");
            assert_eq!(
                verify(&timestamp, &signature, b"{}"),
                Err(SignatureRefusal::Stale)
            );
        }
        let far = i64::MAX.to_string();
        assert_eq!(verify(&far, "sha256=00", b""), Err(SignatureRefusal::Stale));
    }

    #[test]
    fn odd_timestamps_are_refused() {
        for timestamp in [
            "",
            " 1700000000",
            "+1700000000",
            "1.7e9",
            "99999999999999999999",
        ] {
            let signature = sign_request(KEY, timestamp, b"");
            assert_eq!(
                verify(timestamp, &signature, b""),
                Err(SignatureRefusal::Timestamp),
                "{timestamp:?}"
            );
        }
    }

    #[test]
    fn both_headers_or_none() {
        let now = NOW.to_string();
        let one = verify_request(KEY, Some(&now), None, b"", NOW, false);
        let other = verify_request(KEY, None, Some("sha256=00"), b"", NOW, false);
        assert_eq!(one, Err(SignatureRefusal::Incomplete));
        assert_eq!(other, Err(SignatureRefusal::Incomplete));
        assert_eq!(verify_request(KEY, None, None, b"", NOW, false), Ok(()));
        let required = verify_request(KEY, None, None, b"", NOW, true);
        assert_eq!(required, Err(SignatureRefusal::Missing));
    }

    #[test]
    fn another_key_or_scheme_or_length_does_not_match() {
        let now = NOW.to_string();
        let signature = sign_request("another", &now, b"");
        assert_eq!(
            verify(&now, &signature, b""),
            Err(SignatureRefusal::Mismatch)
        );
        let bare = sign_request(KEY, &now, b"").replace("sha256=", "");
        assert_eq!(verify(&now, &bare, b""), Err(SignatureRefusal::Mismatch));
        assert_eq!(
            verify(&now, "sha256=00", b""),
            Err(SignatureRefusal::Mismatch)
        );
        assert_eq!(
            verify(&now, "sha256=zz", b""),
            Err(SignatureRefusal::Mismatch)
        );
    }
}
