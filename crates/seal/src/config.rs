//! The keys, as they are configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use writ_service_kit::config::Secret;

use crate::sealer::{SealError, Sealer};

/// Keys that secrets are sealed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SealingConfig {
    /// Name of the key new secrets are sealed with.
    pub key_id: String,
    /// That key: 64 hexadecimal digits.
    pub key: Secret,
    /// Former keys by name, each 64 hexadecimal digits.
    pub former_keys: BTreeMap<String, Secret>,
}

impl Default for SealingConfig {
    fn default() -> Self {
        Self {
            key_id: "k1".to_owned(),
            key: Secret::default(),
            former_keys: BTreeMap::new(),
        }
    }
}

impl SealingConfig {
    /// The keys.
    ///
    /// # Errors
    /// [`SealError`] when one of them is not 64 hexadecimal digits.
    pub fn sealer(&self) -> Result<Sealer, SealError> {
        let current = std::iter::once((&self.key_id, &self.key));
        let keys = self.former_keys.iter().chain(current).map(|(name, key)| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(key.expose(), &mut bytes).map_err(|_| SealError)?;
            Ok((name.clone(), bytes))
        });
        Sealer::new(&self.key_id, keys.collect::<Result<_, _>>()?)
    }

    /// What is wrong, for a service's list of problems.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let wrong = self.sealer().is_err();
        wrong.then(|| "sealing: every key must be 64 hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_wrong_length_is_refused_and_none_is_shown() {
        let mut config = SealingConfig::default();
        assert!(config.problem().is_some());
        config.key = Secret::new("ab".repeat(32));
        assert_eq!(config.problem(), None);
        let former = Secret::new("cd".repeat(31));
        config.former_keys.insert("old".to_owned(), former);
        assert!(config.problem().is_some());
        let shown = format!("{config:?}");
        assert!(
            !shown.contains("abab") && !shown.contains("cdcd"),
            "{shown}"
        );
    }
}
