//! Values the tests of the domain share.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use writ_contract::{AgentId, ApprovalId, DecisionId, EventId, KeyId, OrgId, PolicyId};

use super::{Certified, Decided, Facts, Hold, Party, State, Status};

pub(crate) fn at(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + secs, 0).unwrap()
}

pub(crate) fn facts(secs: i64) -> Facts {
    Facts { now: at(secs) }
}

pub(crate) fn party(n: u128) -> Party {
    Party {
        key: KeyId(Uuid::from_u128(n)),
        person: Some(format!("per_{n}")),
    }
}

pub(crate) fn event_id(n: u128) -> EventId {
    EventId(Uuid::from_u128(n))
}

pub(crate) fn hold(n: u128) -> Hold {
    Hold {
        approval: ApprovalId(Uuid::from_u128(100 + n)),
        decision: DecisionId(Uuid::from_u128(200 + n)),
        org: OrgId(Uuid::from_u128(1)),
        agent: AgentId(Uuid::from_u128(2)),
        external_agent: "support-bot".to_owned(),
        environment: "production".to_owned(),
        action_digest: [3; 32],
        policies: vec![PolicyId(Uuid::from_u128(4))],
        policy_set_hash: vec![5; 32],
        by: party(n),
        at: at(0),
    }
}

/// Asked for by party 1 at second 0, open for 25 minutes.
pub(crate) fn pending() -> State {
    hold(1).request(TimeDelta::minutes(25))
}

/// Granted by party 9 at second 50.
pub(crate) fn granted() -> State {
    State {
        status: Status::Approved,
        decided: Some(Decided {
            by: party(9),
            at: at(50),
        }),
        ..pending()
    }
}

/// Sealed at second `secs`, good for five minutes.
pub(crate) fn certified(secs: i64) -> State {
    State {
        certified: Some(Certified {
            not_before: at(secs),
            expires_at: at(secs + 300),
        }),
        ..granted()
    }
}
