//! What an export is asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use writ_chain::export::Period;

use crate::domain::When;
use crate::store::Selection;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct ExportQuery {
    /// Every entry from the first that happened then or later: a day (UTC), or an instant (RFC 3339).
    #[schemars(with = "Option<String>")]
    from: Option<When>,
    /// Up to the last that happened before that day or instant.
    #[schemars(with = "Option<String>")]
    to: Option<When>,
    action: Option<String>,
    actor: Option<String>,
    agent_id: Option<String>,
    outcome: Option<String>,
    /// `jsonl`, when absent: the bundle that can be verified. `ocsf` and `cef`: for a SIEM, with a
    /// signed manifest as the last line.
    #[serde(default)]
    pub(super) format: Format,
}

/// How entries are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Jsonl,
    Ocsf,
    Cef,
}

impl Format {
    /// What the manifest calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => writ_chain::export::FORMAT,
            Self::Ocsf => "ocsf/1.3.0",
            Self::Cef => "cef/0",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf.jsonl",
            Self::Cef => "cef",
        }
    }

    pub(super) fn media(self) -> &'static str {
        match self {
            Self::Jsonl | Self::Ocsf => "application/jsonl",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }
}

impl ExportQuery {
    pub(super) fn period(&self) -> Option<Period> {
        let micros = |time: Option<DateTime<Utc>>| time.map(|time| time.timestamp_micros());
        let asked = self.from.is_some() || self.to.is_some();
        asked.then(|| Period {
            from: micros(self.start()),
            to: micros(self.end()),
        })
    }

    pub(super) fn start(&self) -> Option<DateTime<Utc>> {
        self.from.map(When::start)
    }

    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        self.to.map(When::start)
    }

    /// Whether nothing can be between its ends.
    pub(super) fn is_empty(&self) -> bool {
        let ends = self.start().zip(self.end());
        ends.is_some_and(|(start, end)| start >= end)
    }

    pub(super) fn filter(&self) -> BTreeMap<String, String> {
        let fields = [
            ("action", &self.action),
            ("actor", &self.actor),
            ("agentId", &self.agent_id),
            ("outcome", &self.outcome),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        given.collect()
    }

    pub(super) fn selection(&self) -> Selection {
        Selection {
            from: 0,
            action: self.action.clone(),
            actor: self.actor.clone(),
            agent: self.agent_id.clone(),
            outcome: self.outcome.clone(),
        }
    }
}
