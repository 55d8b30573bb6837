//! The part of a service's configuration that says who may call; the field is called `access`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use writ_access::{Checker, IpNet, KeyLookup, Pepper};

use super::{Gate, Limits, LimitsConfig};
use crate::clock::Clock;
use crate::config::Secret;

/// Who may call, and how often.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// The deployment's secret under which API keys are recognised; at least 16 bytes.
    pub key_pepper: Secret,
    /// Networks of the proxies whose `X-Forwarded-For` is believed.
    pub trusted_hops: Vec<String>,
    /// Calls a minute.
    pub limits: LimitsConfig,
}

impl AccessConfig {
    /// The gate over a feed of keys.
    ///
    /// # Errors
    /// What [`AccessConfig::problems`] would have said.
    pub fn gate(&self, keys: Arc<dyn KeyLookup>, clock: Arc<dyn Clock>) -> Result<Gate, String> {
        let checker = Checker::new(keys, self.pepper()?);
        Ok(Gate::new(
            checker,
            clock,
            Limits::new(&self.limits),
            self.hops()?,
        ))
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        [self.pepper().err(), self.hops().err()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The secret under which keys are recognised.
    ///
    /// # Errors
    /// When it is too short.
    pub fn pepper(&self) -> Result<Pepper, String> {
        Pepper::new(self.key_pepper.expose())
            .map_err(|_| "access.key_pepper: needs at least 16 bytes".to_owned())
    }

    fn hops(&self) -> Result<Vec<IpNet>, String> {
        let parse = |hop: &String| {
            hop.parse()
                .map_err(|_| format!("access.trusted_hops: `{hop}` is not a network"))
        };
        self.trusted_hops.iter().map(parse).collect()
    }
}
