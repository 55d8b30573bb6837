//! Signatures of outgoing messages.
//!
//! Two schemes stand side by side: Standard Webhooks (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature` with `v1` HMAC-SHA256 over `id.timestamp.body`, one signature per secret while
//! a secret rotates) and the product's `X-Execlave-*` headers, whose signature covers the raw body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use standardwebhooks::Webhook;

const PREFIX: &str = "whsec_";
const MIN_SECRET: usize = 8;

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The event's id: the same for every attempt, so receivers can drop repeats.
    pub id: &'a str,
    /// Unix seconds of this attempt.
    pub timestamp_s: i64,
    /// The exact body.
    pub body: &'a str,
}

/// A signing secret; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads a secret as given: base64 after `whsec_` when that decodes to 24–64 bytes, else the
    /// text's own bytes.
    ///
    /// # Errors
    /// [`SecretRefusal`] below eight bytes.
    pub fn decode(text: &str) -> Result<Self, SecretRefusal> {
        let decoded = text
            .strip_prefix(PREFIX)
            .and_then(|rest| STANDARD.decode(rest).ok())
            .filter(|bytes| (24..=64).contains(&bytes.len()));
        decoded.map_or_else(|| Self::verbatim(text), |bytes| Ok(Self(bytes)))
    }

    /// A secret that is its text's own bytes, whatever the text begins with.
    ///
    /// # Errors
    /// [`SecretRefusal`] below eight bytes.
    pub fn verbatim(text: &str) -> Result<Self, SecretRefusal> {
        let bytes = text.as_bytes().to_vec();
        if bytes.len() < MIN_SECRET {
            return Err(SecretRefusal);
        }
        Ok(Self(bytes))
    }

    /// A new secret in the form it is shown once: `whsec_` and base64.
    #[must_use]
    pub fn text_of(random: [u8; 32]) -> String {
        format!("{PREFIX}{}", STANDARD.encode(random))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The secret is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret needs at least 8 characters")]
pub struct SecretRefusal;

/// The headers that sign a message, newest secret first.
///
/// Every secret adds a Standard Webhooks signature; `X-Execlave-Signature` has room for one and uses
/// the newest.
///
/// # Errors
/// [`Unsignable`] without a secret, or for an id that cannot stand in a header.
pub fn sign(message: Message<'_>, secrets: &[Secret]) -> Result<HeaderMap, Unsignable> {
    let newest = secrets.first().ok_or(Unsignable)?;
    let signatures = secrets
        .iter()
        .map(|secret| standard(message, secret))
        .collect::<Result<Vec<_>, _>>()?
        .join(" ");
    let timestamp = message.timestamp_s.to_string();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("webhook-id", message.id),
        ("webhook-timestamp", &timestamp),
        ("webhook-signature", &signatures),
        ("x-execlave-signature", &product(message.body, newest)?),
        ("x-execlave-signature-version", "v1"),
        ("x-execlave-timestamp", &timestamp),
        ("x-execlave-idempotency-key", message.id),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| Unsignable)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The headers that sign a question to a validator: the product's signature, over the raw body.
///
/// # Errors
/// [`Unsignable`] for an id that cannot stand in a header.
pub fn sign_question(
    message: Message<'_>,
    validator: &str,
    secret: &Secret,
) -> Result<HeaderMap, Unsignable> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-execlave-signature", &product(message.body, secret)?),
        ("x-execlave-timestamp", &message.timestamp_s.to_string()),
        ("x-execlave-validator-id", validator),
        ("x-execlave-delivery-id", message.id),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| Unsignable)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn standard(message: Message<'_>, secret: &Secret) -> Result<String, Unsignable> {
    Webhook::from_bytes(secret.0.clone())
        .and_then(|hook| hook.sign(message.id, message.timestamp_s, message.body.as_bytes()))
        .map_err(|_| Unsignable)
}

fn product(body: &str, secret: &Secret) -> Result<String, Unsignable> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).map_err(|_| Unsignable)?;
    mac.update(body.as_bytes());
    Ok(format!(
        "sha256={}",
        hex::encode(mac.finalize().into_bytes())
    ))
}

/// There is no secret, or the id cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be signed")]
pub struct Unsignable;

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the Standard Webhooks specification.
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const MESSAGE: Message<'_> = Message {
        id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        timestamp_s: 1_649_367_553,
        body: r#"{"email":"test@example.com","username":"test_user"}"#,
    };

    fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers[name].to_str().unwrap()
    }

    #[test]
    fn the_published_vector_is_reproduced() {
        let headers = sign(MESSAGE, &[Secret::decode(SECRET).unwrap()]).unwrap();
        let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(text(&headers, "webhook-signature"), expected);
        assert_eq!(text(&headers, "webhook-id"), MESSAGE.id);
        assert_eq!(text(&headers, "webhook-timestamp"), "1649367553");
    }

    /// RFC 4231, test case 2, through the product's header.
    #[test]
    fn the_product_signature_is_the_hex_code_of_the_body() {
        let secret = Secret(b"Jefe".to_vec());
        let message = Message {
            body: "what do ya want for nothing?",
            ..MESSAGE
        };
        let headers = sign(message, &[secret]).unwrap();
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(text(&headers, "x-execlave-signature"), expected);
        assert_eq!(text(&headers, "x-execlave-idempotency-key"), MESSAGE.id);
        assert_eq!(text(&headers, "x-execlave-timestamp"), "1649367553");
        assert_eq!(text(&headers, "x-execlave-signature-version"), "v1");
    }

    #[test]
    fn a_question_is_signed_with_the_secrets_own_bytes() {
        let message = Message {
            body: "what do ya want for nothing?",
            ..MESSAGE
        };
        let secret = Secret::verbatim("JefeJefe").unwrap();
        let headers = sign_question(message, "val_1", &secret).unwrap();
        let expected = format!("sha256={}", hmac_hex(b"JefeJefe", message.body));
        assert_eq!(text(&headers, "x-execlave-signature"), expected);
        assert_eq!(text(&headers, "x-execlave-timestamp"), "1649367553");
        assert_eq!(text(&headers, "x-execlave-validator-id"), "val_1");
        assert_eq!(text(&headers, "x-execlave-delivery-id"), MESSAGE.id);
        assert!(sign_question(message, "a\nb", &secret).is_err());
        assert_eq!(Secret::verbatim(SECRET).unwrap().0, SECRET.as_bytes());
        assert!(Secret::verbatim("short").is_err());
    }

    fn hmac_hex(key: &[u8], body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(body.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    #[test]
    fn a_rotating_secret_signs_twice_and_either_half_verifies() {
        let old = Secret::decode(SECRET).unwrap();
        let new = Secret::decode(&Secret::text_of([7; 32])).unwrap();
        let headers = sign(MESSAGE, &[new.clone(), old.clone()]).unwrap();
        let both = text(&headers, "webhook-signature");
        for secret in [&new, &old] {
            let alone = sign(MESSAGE, std::slice::from_ref(secret)).unwrap();
            let alone = text(&alone, "webhook-signature");
            assert!(both.split(' ').any(|signature| signature == alone));
        }
    }

    #[test]
    fn a_secret_is_base64_only_after_its_prefix_and_at_a_sensible_length() {
        let bytes = |text: &str| Secret::decode(text).unwrap().0;
        assert_eq!(bytes(&Secret::text_of([1; 32])), vec![1; 32]);
        assert_eq!(bytes("whsec_your_secret"), b"whsec_your_secret");
        assert_eq!(bytes("whsec_c2hvcnQ="), b"whsec_c2hvcnQ=");
        let unprefixed = STANDARD.encode([1; 32]);
        assert_eq!(bytes(&unprefixed), unprefixed.as_bytes());
        assert_eq!(Secret::decode("short"), Err(SecretRefusal));
    }

    #[test]
    fn nothing_is_signed_without_a_secret_or_with_a_broken_id() {
        let secret = Secret::decode(SECRET).unwrap();
        assert_eq!(sign(MESSAGE, &[]).unwrap_err(), Unsignable);
        let broken = Message {
            id: "a\nb",
            ..MESSAGE
        };
        assert_eq!(
            sign(broken, std::slice::from_ref(&secret)).unwrap_err(),
            Unsignable
        );
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
    }
}
