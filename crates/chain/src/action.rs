//! The action context: which act a decision, an approval and a certificate speak about.
//!
//! The context is the object of five keys that the wire contract §5.8 names, each only if the
//! request carried it. Its digest is keyed per organisation, because a fact that holds it lives for
//! ever and a plain hash of a guessable input stays guessable for ever.

use crate::Hash;
use crate::canonical::{self, Member, NotCanonical};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The keys of an action context, in canonical order.
pub const CONTEXT_KEYS: [&str; 5] = ["environment", "estimatedCost", "input", "metadata", "tools"];

/// Why a text is not an action context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContext {
    /// It has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// It is JSON, but not an object.
    #[error("the action context is not an object")]
    NotAnObject,
    /// It has keys besides the five: verify answers this as `action_context_mismatch`.
    #[error("the action context has keys that are not part of it")]
    ExtraKeys,
}

/// Canonical bytes of an action context as `POST /approvals/{id}/verify` sends it.
///
/// # Errors
/// [`InvalidContext::ExtraKeys`] when a key is not one of [`CONTEXT_KEYS`], and when the text has
/// no canonical form or is not an object.
pub fn context_from(json_text: &str) -> Result<Vec<u8>, InvalidContext> {
    let members = object_members(json_text)?;
    if !members.iter().all(is_context_key) {
        return Err(InvalidContext::ExtraKeys);
    }
    Ok(write(&members))
}

/// Canonical bytes of the action context inside an enforce request: its five keys, the rest left
/// out.
///
/// # Errors
/// When the text has no canonical form (a repeated key anywhere included) or is not an object.
pub fn context_of_request(json_text: &str) -> Result<Vec<u8>, InvalidContext> {
    Ok(write(&object_members(json_text)?))
}

/// HMAC-SHA256 of the canonical context under the organisation's digest key. Compare digests in
/// constant time ([`same_digest`]).
#[must_use]
pub fn action_digest(key: &[u8; 32], canonical: &[u8]) -> Hash {
    // HMAC pads a short key with zeros to its block, so padding here keeps the call infallible.
    let mut block = [0u8; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(canonical);
    mac.finalize().into_bytes().into()
}

/// Whether two digests are equal, in constant time.
#[must_use]
pub fn same_digest(a: &Hash, b: &Hash) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}

fn object_members(json_text: &str) -> Result<Vec<Member>, InvalidContext> {
    canonical::members(json_text)?.ok_or(InvalidContext::NotAnObject)
}

fn is_context_key(member: &Member) -> bool {
    CONTEXT_KEYS.contains(&member.0.as_str())
}

fn write(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::write_object(
        &mut out,
        members.iter().filter(|member| is_context_key(member)),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str) -> Vec<u8> {
        context_from(text).unwrap()
    }

    #[test]
    fn request_and_verify_give_the_same_bytes() {
        let request = r#"{"agentId":"a","tools":[],"input":"hi","environment":"production",
            "metadata":{"b":1,"a":{}},"conversationHistory":[{"role":"user"}]}"#;
        let verify =
            r#"{"metadata":{"a":{},"b":1},"environment":"production","input":"hi","tools":[]}"#;
        assert_eq!(context_of_request(request).unwrap(), context(verify));
    }

    #[test]
    fn extra_keys_are_not_a_context() {
        let text = r#"{"input":"x","environment":"e","agentId":"a"}"#;
        assert_eq!(context_from(text), Err(InvalidContext::ExtraKeys));
    }

    #[test]
    fn absent_null_and_empty_are_three_contexts() {
        let absent = context(r#"{"input":"x"}"#);
        let null = context(r#"{"input":"x","metadata":null}"#);
        let empty = context(r#"{"input":"x","metadata":{}}"#);
        assert!(absent != null && null != empty && absent != empty);
    }

    #[test]
    fn array_order_matters_and_numbers_do_not_collapse() {
        assert_ne!(
            context(r#"{"tools":["a","b"]}"#),
            context(r#"{"tools":["b","a"]}"#)
        );
        assert_ne!(
            context(r#"{"metadata":{"n":9007199254740992}}"#),
            context(r#"{"metadata":{"n":9007199254740993}}"#)
        );
        assert_ne!(
            context(r#"{"metadata":{"n":1}}"#),
            context(r#"{"metadata":{"n":"1"}}"#)
        );
    }

    #[test]
    fn only_objects_are_contexts() {
        assert_eq!(context_from("[]"), Err(InvalidContext::NotAnObject));
        assert!(matches!(
            context_from("{"),
            Err(InvalidContext::NotCanonical(_))
        ));
    }

    /// RFC 4231 test case 1, its 20-byte key padded as HMAC itself pads it.
    #[test]
    fn digest_is_hmac_sha256() {
        let mut key = [0u8; 32];
        key[..20].fill(0x0b);
        assert_eq!(
            hex::encode(action_digest(&key, b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }

    #[test]
    fn digests_differ_between_organisations() {
        let canonical = context(r#"{"input":"x"}"#);
        let (a, b) = (
            action_digest(&[1; 32], &canonical),
            action_digest(&[2; 32], &canonical),
        );
        assert!(!same_digest(&a, &b) && same_digest(&a, &a));
    }
}
