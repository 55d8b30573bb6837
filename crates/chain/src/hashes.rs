//! Hashes in JSON: base64 texts, for `#[serde(with = "crate::hashes")]`.

use crate::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(hashes: &[Hash], to: S) -> Result<S::Ok, S::Error> {
    let texts: Vec<String> = hashes.iter().map(|hash| BASE64.encode(hash)).collect();
    texts.serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Hash>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let hash = |text: &String| BASE64.decode(text).ok()?.try_into().ok();
    texts
        .iter()
        .map(hash)
        .collect::<Option<_>>()
        .ok_or_else(|| D::Error::custom("a hash is the base64 of 32 bytes"))
}
