//! A webhook endpoint: what may be asked of it and what becomes of it.

use std::collections::BTreeSet;

use writ_contract::{WebhookId, wire};

use super::Topic;

/// Endpoints an organisation may have.
pub const MAX_PER_ORGANISATION: i64 = 50;

/// An endpoint as the log knows it; URL and secret stay in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Of its last fact; dense from 1.
    pub version: u64,
    /// What it subscribed to.
    pub topics: BTreeSet<Topic>,
    /// Whether it is told anything.
    pub state: State,
}

/// Whether an endpoint is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Enabled,
    /// No, and why.
    Disabled(Reason),
    /// Never again.
    Deleted,
}

/// Why an endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It answered 410.
    Gone,
    /// It failed for too long.
    Failing,
}

impl Reason {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// What happened to an endpoint: the verb of its fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was made.
    Created,
    /// It was switched off.
    Disabled(Reason),
    /// It got a new signing secret.
    Rotated,
    /// It was removed.
    Deleted,
}

impl Happened {
    /// The verb.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Disabled(_) => "disabled",
            Self::Rotated => "rotated",
            Self::Deleted => "deleted",
        }
    }
}

/// Why an endpoint is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No topic was asked for.
    #[error("events must name at least one event")]
    NoTopics,
    /// The organisation has as many as it may have.
    #[error("an organisation may have at most {MAX_PER_ORGANISATION} webhooks")]
    TooMany,
}

impl Endpoint {
    /// A new endpoint, given how many the organisation has.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn create(id: WebhookId, topics: BTreeSet<Topic>, existing: i64) -> Result<Self, Refusal> {
        if topics.is_empty() {
            return Err(Refusal::NoTopics);
        }
        if existing >= MAX_PER_ORGANISATION {
            return Err(Refusal::TooMany);
        }
        Ok(Self {
            id,
            version: 1,
            topics,
            state: State::Enabled,
        })
    }

    /// Disables it; `None` when there is nothing to disable.
    #[must_use]
    pub fn disable(self, reason: Reason) -> Option<(Self, Happened)> {
        (self.state == State::Enabled).then(|| {
            (
                self.next(State::Disabled(reason)),
                Happened::Disabled(reason),
            )
        })
    }

    /// Gives it a new secret; `None` when it was deleted.
    #[must_use]
    pub fn rotate(self) -> Option<(Self, Happened)> {
        let state = self.state;
        (state != State::Deleted).then(|| (self.next(state), Happened::Rotated))
    }

    /// Deletes it; `None` when that was done before.
    #[must_use]
    pub fn delete(self) -> Option<(Self, Happened)> {
        (self.state != State::Deleted).then(|| (self.next(State::Deleted), Happened::Deleted))
    }

    fn next(self, state: State) -> Self {
        Self {
            version: self.version + 1,
            state,
            ..self
        }
    }

    /// Its full state as a fact.
    #[must_use]
    pub fn fact(&self) -> wire::WebhookEndpoint {
        let disabled_reason = match self.state {
            State::Disabled(reason) => reason.as_str(),
            State::Enabled | State::Deleted => "",
        };
        wire::WebhookEndpoint {
            webhook_id: self.id.to_bytes(),
            events: self
                .topics
                .iter()
                .map(|topic| topic.as_str().to_owned())
                .collect(),
            enabled: self.state == State::Enabled,
            deleted: self.state == State::Deleted,
            disabled_reason: disabled_reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let topics = BTreeSet::from([Topic::AgentPaused]);
        Endpoint::create(WebhookId(uuid::Uuid::from_u128(1)), topics, 0).unwrap()
    }

    #[test]
    fn an_endpoint_without_topics_or_beyond_the_limit_is_refused() {
        let id = WebhookId(uuid::Uuid::nil());
        let topics = BTreeSet::from([Topic::AgentPaused]);
        assert_eq!(
            Endpoint::create(id, BTreeSet::new(), 0),
            Err(Refusal::NoTopics)
        );
        let full = Endpoint::create(id, topics, MAX_PER_ORGANISATION);
        assert_eq!(full, Err(Refusal::TooMany));
    }

    #[test]
    fn each_change_has_the_next_version() {
        let (disabled, happened) = endpoint().disable(Reason::Gone).unwrap();
        assert_eq!((disabled.version, happened.verb()), (2, "disabled"));
        assert_eq!(disabled.fact().disabled_reason, "gone");
        let (deleted, happened) = disabled.delete().unwrap();
        assert_eq!((deleted.version, happened), (3, Happened::Deleted));
        assert!(deleted.fact().deleted && !deleted.fact().enabled);
    }

    #[test]
    fn a_new_secret_is_a_change_that_leaves_the_state_as_it_is() {
        let (disabled, _) = endpoint().disable(Reason::Failing).unwrap();
        let (rotated, happened) = disabled.clone().rotate().unwrap();
        assert_eq!((rotated.version, happened.verb()), (3, "rotated"));
        assert_eq!(rotated.state, disabled.state);
        let (deleted, _) = rotated.delete().unwrap();
        assert_eq!(deleted.rotate(), None);
    }

    #[test]
    fn what_is_done_is_not_done_again() {
        let (disabled, _) = endpoint().disable(Reason::Failing).unwrap();
        assert_eq!(disabled.clone().disable(Reason::Gone), None);
        let (deleted, _) = disabled.delete().unwrap();
        assert_eq!(deleted.clone().delete(), None);
        assert_eq!(deleted.disable(Reason::Gone), None);
    }
}
