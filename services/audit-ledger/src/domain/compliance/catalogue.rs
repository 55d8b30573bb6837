//! The control catalogues of `schemas/compliance`, which are part of the program.

use serde::{Deserialize, Serialize};

use super::Evidence;

/// One framework's controls, as far as the ledger can bear on them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    #[serde(rename = "$schema")]
    schema: String,
    /// Its word in `?framework=`.
    pub(crate) framework: String,
    pub(crate) name: String,
    pub(crate) edition: String,
    /// What is in it, and what is not.
    pub(crate) scope: String,
    pub(crate) controls: Vec<Control>,
}

/// One control and what bears on it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    pub(crate) id: String,
    pub(crate) group: String,
    pub(crate) title: String,
    /// Policy types that bear on it: a policy of one of them must be in force.
    #[serde(default)]
    pub(crate) policies: Vec<String>,
    /// Whether a policy is enough that only warns or notes.
    #[serde(default)]
    pub(crate) watching: bool,
    /// What it asks for and no entry can show: it is judged partly at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unshown: Option<String>,
    /// Each of these must be found.
    #[serde(default)]
    pub(crate) needs: Vec<Evidence>,
    /// Shown, and not needed.
    #[serde(default)]
    pub(crate) supports: Vec<Evidence>,
    /// None of these may be found.
    #[serde(default)]
    pub(crate) against: Vec<Evidence>,
}

/// All catalogues.
#[derive(Debug, Clone)]
pub(crate) struct Catalogues(Vec<Catalogue>);

const TEXTS: [&str; 7] = [
    include_str!("../../../../../schemas/compliance/soc2.json"),
    include_str!("../../../../../schemas/compliance/iso27001.json"),
    include_str!("../../../../../schemas/compliance/gdpr.json"),
    include_str!("../../../../../schemas/compliance/hipaa.json"),
    include_str!("../../../../../schemas/compliance/eu-ai-act.json"),
    include_str!("../../../../../schemas/compliance/nist-ai-rmf.json"),
    include_str!("../../../../../schemas/compliance/owasp-agentic.json"),
];

impl Catalogues {
    /// Those this program was made with.
    ///
    /// # Errors
    /// When one is not a catalogue: a mistake of the build.
    pub(crate) fn load() -> Result<Self, serde_json::Error> {
        let read = TEXTS.iter().map(|text| serde_json::from_str(text));
        read.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn all(&self) -> &[Catalogue] {
        &self.0
    }

    /// The catalogue with this word.
    pub(crate) fn find(&self, framework: &str) -> Option<&Catalogue> {
        self.0.iter().find(|it| it.framework == framework)
    }

    /// The words of all, for a refusal.
    pub(crate) fn words(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|it| it.framework.as_str()).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests;
