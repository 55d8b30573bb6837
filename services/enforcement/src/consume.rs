//! Facts in: what control states, pauses from the gate, whose plan is spent, and which holds the
//! approval service took.

use std::sync::Arc;

use writ_contract::topology::GateLeaf;
use writ_contract::{OrgId, SHARDS, Shard, Stream, wire};
use writ_eventlog::{Announcer, Content, Delivered, EventLog, Fences, ReaderError, Start};
use writ_service_kit::Requirement;

use crate::books::Keeper;
use crate::hold::Holds;
use crate::projection::ActivePolicy;

/// Follows what control states; `caught_up` is met once every fact that was there at the start is in
/// force.
///
/// # Errors
/// [`ReaderError`]: start it again.
pub async fn control(
    log: EventLog,
    state: Arc<ActivePolicy>,
    announcer: Announcer,
    caught_up: Requirement,
) -> Result<(), ReaderError> {
    let topology = log.topology();
    let filters = vec![
        topology.facts::<wire::Organization>(),
        topology.facts::<wire::Agent>(),
        topology.facts::<wire::Policy>(),
        topology.facts::<wire::Validator>(),
        topology.facts::<wire::Baseline>(),
        topology.facts::<wire::Grant>(),
        topology.facts::<wire::Pause>(),
        topology.facts::<wire::DelegationState>(),
    ];
    let mut reader = log
        .read(Stream::Control, filters, Start::LastPerSubject)
        .await?;
    let mut applied = None;
    loop {
        if reader.behind() == 0 {
            compile(&state).await;
            caught_up.met();
            if let Some(sequence) = applied.take() {
                announcer.applied(sequence);
            }
        }
        let Some(delivered) = reader.advance().await? else {
            continue;
        };
        apply_stated(&state, &delivered);
        applied = Some(delivered.sequence);
    }
}

/// What cannot be read may be a new denial: the organisation named by the subject fails closed.
fn apply_stated(state: &ActivePolicy, delivered: &Delivered) {
    let subject = &delivered.subject;
    let error = match &delivered.content {
        Content::Fact(envelope) => match state.apply(envelope) {
            Ok(()) => return,
            Err(error) => error.to_string(),
        },
        Content::Unreadable(error) => error.to_string(),
        Content::Packed(_) => "many records where one fact belongs".to_owned(),
    };
    tracing::error!(error, subject, "organisation held: unreadable fact");
    if let Some(org) = org_of(subject) {
        state.hold(org, &error);
    }
}

/// The organisation in `writ.evt.control.<aggregate>.<org>.<key>`.
fn org_of(subject: &str) -> Option<OrgId> {
    subject.split('.').nth(4)?.parse().ok()
}

async fn compile(state: &Arc<ActivePolicy>) {
    let state = state.clone();
    let compiled = tokio::task::spawn_blocking(move || state.compile()).await;
    if compiled.is_err() {
        tracing::error!("policies could not be compiled; the last set stays in force");
    }
}

/// Follows pauses. The fence of a shard moves only after the pause is in force.
///
/// # Errors
/// [`ReaderError`]: start it again.
pub async fn kills(
    log: EventLog,
    state: Arc<ActivePolicy>,
    fences: Arc<Fences>,
    caught_up: Requirement,
) -> Result<(), ReaderError> {
    let filters = vec![log.topology().gate(GateLeaf::Kill)];
    let mut reader = log.read(Stream::Gate, filters, Start::First).await?;
    fences.follow(&reader);
    loop {
        if reader.behind() == 0 {
            caught_up.met();
        }
        if let Some(delivered) = reader.advance().await? {
            apply_kill(&state, &fences, &delivered);
        }
    }
}

fn apply_kill(state: &ActivePolicy, fences: &Fences, delivered: &Delivered) {
    let Content::Fact(envelope) = &delivered.content else {
        // Nobody can say whom it pauses: the fence stays, and the shard's appends are refused.
        tracing::error!(subject = delivered.subject, "unreadable pause: shard held");
        return;
    };
    if let Err(error) = state.apply_kill(envelope) {
        tracing::error!(%error, org = %envelope.org, "organisation held: unreadable pause");
    }
    if let Some(shard) = shard_of(&delivered.subject) {
        fences.applied(shard, delivered.sequence);
    }
}

/// The shard in `writ.evt.gate.<p>.kill`.
fn shard_of(subject: &str) -> Option<Shard> {
    let number: u8 = subject.split('.').nth(3)?.parse().ok()?;
    debug_assert!(number < SHARDS);
    Shard::new(number)
}

/// Follows whose plan is spent; `caught_up` is met once what was stated before the start is known.
///
/// # Errors
/// [`ReaderError`]: start it again.
pub async fn quotas(
    log: EventLog,
    state: Arc<ActivePolicy>,
    caught_up: Requirement,
) -> Result<(), ReaderError> {
    let filters = vec![log.topology().facts::<wire::Quota>()];
    let mut reader = log
        .read(Stream::Ingest, filters, Start::LastPerSubject)
        .await?;
    loop {
        if reader.behind() == 0 {
            caught_up.met();
        }
        let Some(delivered) = reader.advance().await? else {
            continue;
        };
        let applied = match &delivered.content {
            Content::Fact(envelope) => state.apply_quota(envelope).map_err(|e| e.to_string()),
            Content::Unreadable(error) => Err(error.to_string()),
            Content::Packed(_) => Err("many records where one fact belongs".to_owned()),
        };
        if let Err(error) = applied {
            let subject = &delivered.subject;
            tracing::error!(error, subject, "unreadable quota: governing goes on");
        }
    }
}

/// Follows approval requests from now on and tells who waits for them; the books, how they end.
///
/// # Errors
/// [`ReaderError`]: start it again.
pub async fn approvals(
    log: EventLog,
    holds: Arc<Holds>,
    keeper: Arc<Keeper>,
    following: Requirement,
) -> Result<(), ReaderError> {
    let filters = vec![log.topology().facts::<wire::Approval>()];
    let mut reader = log.read(Stream::Approval, filters, Start::New).await?;
    following.met();
    loop {
        let delivered = reader.next().await?;
        let Content::Fact(envelope) = &delivered.content else {
            continue;
        };
        match envelope.open::<wire::Approval>() {
            Ok(fact) => {
                holds.taken(&fact);
                keeper.approval(&fact);
            }
            Err(error) => {
                let org: OrgId = envelope.org;
                tracing::error!(%error, %org, "unreadable approval: its holds are refused");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_contract::{IncarnationId, Packed, Service, Topology, Unreadable};

    use super::*;

    #[test]
    fn a_statement_nobody_can_read_holds_its_organisation_and_no_other() {
        let [one, other] = [1, 2].map(|n| OrgId(Uuid::from_u128(n)));
        let packed = Packed {
            incarnation: IncarnationId(Uuid::nil()),
            service: "control".to_owned(),
            records: Vec::new(),
            closes: false,
        };
        let unreadable = Unreadable::Malformed("cut off".to_owned());
        for content in [Content::Unreadable(unreadable), Content::Packed(packed)] {
            let state = ActivePolicy::default();
            apply_stated(
                &state,
                &Delivered {
                    subject: Topology::default().fact::<wire::Policy>(one, "p"),
                    sequence: 1,
                    message_id: String::new(),
                    stored_at_us: 0,
                    pending: 0,
                    owner: Service::Control,
                    content,
                },
            );
            let held = |org| state.snapshot(org, "a", "production").quarantine.is_some();
            assert!(held(one) && !held(other));
        }
    }
}
