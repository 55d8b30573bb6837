//! What stands beside a leaf: the columns by which entries are found and counted, and its place.
//!
//! Searches, coverage and compliance reports read these columns. They prove nothing themselves, so a
//! verification holds each against the leaf that was signed.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::leaf::{EntryBody, GAP, Leaf};
use writ_chain::verify::Class;
use writ_pg::fit;

use super::detached::Statements;
use super::ledger::Stored;
use super::outcome::{MOST, Outcome};
use super::tiles::Roots;

/// The columns, in the order of [`Columns`], of `ledger.entries` as `e` and `ledger.places` as `p`.
pub(super) const SELECTED: &str = "e.event_id, e.type as kind, e.action, e.actor, e.target,
    e.outcome, e.reason_code, e.occurred_at, e.emitter, e.emitter_seq, e.window_from, e.window_to,
    e.window_count, e.decision_id, e.agent_id, p.event_id as placed, p.leaf_hash as placed_hash";

/// What a run over a ledger finds beside the leaves.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Of months that were taken out.
    pub(super) statements: Statements,
    /// What the tiles must be.
    pub(super) tiles: Roots,
    /// The first entries that the columns do not agree with.
    wrong: Vec<String>,
    /// How many more there are.
    more: u64,
}

impl Beside {
    /// Takes note of a stored entry, and of what it says of entries that were taken out.
    pub(super) fn entry(&mut self, stored: &Stored, leaf: Option<&Leaf>, says: bool) {
        let hash = stored.leaf_hash.unwrap_or_default();
        self.tiles.append(hash);
        let Some(leaf) = leaf else { return };
        if says {
            self.statements.read(leaf);
        }
        let differing = stored.columns.differing(leaf, &hash);
        if self.wrong.len() == MOST {
            self.more += u64::from(!differing.is_empty());
        } else if !differing.is_empty() {
            let columns = differing.join(", ");
            let seq = stored.seq;
            self.wrong.push(format!(
                "entry {seq} is found and counted by what it does not say: {columns}"
            ));
        }
    }

    /// Takes note of an entry of which there is only the hash.
    pub(super) fn hash(&mut self, seq: u64, hash: Hash) {
        self.tiles.append(hash);
        self.statements.skip(seq);
    }

    /// Says what it found.
    pub(super) fn tell(&mut self, outcome: &mut Outcome) {
        self.statements.tell(outcome);
        for text in self.wrong.drain(..) {
            outcome.wrong(Class::BadContent, text);
        }
        outcome.total += self.more;
    }
}

/// What is stored beside one leaf.
#[derive(Debug, FromRow)]
pub(super) struct Columns {
    event_id: Uuid,
    kind: String,
    action: Option<String>,
    actor: Option<String>,
    target: Option<String>,
    outcome: Option<String>,
    reason_code: Option<String>,
    occurred_at: DateTime<Utc>,
    emitter: Option<String>,
    emitter_seq: Option<i64>,
    window_from: Option<DateTime<Utc>>,
    window_to: Option<DateTime<Utc>>,
    window_count: Option<i64>,
    decision_id: Option<String>,
    agent_id: Option<String>,
    placed: Option<Uuid>,
    placed_hash: Option<Vec<u8>>,
}

impl Columns {
    /// The columns that say something else than the leaf, whose hash is given.
    pub(super) fn differing(&self, leaf: &Leaf, hash: &Hash) -> Vec<&'static str> {
        let Ok(body) = leaf.entry() else {
            return Vec::new();
        };
        let event_id = leaf.position.event_id;
        let pairs = [
            ("event_id", self.event_id == event_id),
            ("type", self.kind == body.kind),
            ("action", same(&self.action, &body.action)),
            ("actor", same(&self.actor, &body.actor)),
            ("target", same(&self.target, &body.target)),
            ("outcome", same(&self.outcome, &body.outcome)),
            ("reason_code", same(&self.reason_code, &body.reason_code)),
            (
                "occurred_at",
                self.occurred_at == fit::time(body.occurred_at),
            ),
            ("emitter", self.is_numbered_as(&body)),
            ("window", self.has_window_of(&body)),
            ("decision", self.is_decision_of(&body)),
            (
                "place",
                self.placed == Some(event_id) && self.placed_hash.as_deref() == Some(hash),
            ),
        ];
        pairs
            .iter()
            .filter(|(_, same)| !same)
            .map(|(name, _)| *name)
            .collect()
    }

    fn is_numbered_as(&self, body: &EntryBody) -> bool {
        // A hole is told of by the record after it, which has that number itself.
        let number = body.source.emitter_seq.filter(|_| body.kind != GAP);
        let emitter = number.map(|_| format!("incarnation:{}", body.source.emitter));
        self.emitter == emitter && self.emitter_seq == number.map(signed)
    }

    fn has_window_of(&self, body: &EntryBody) -> bool {
        let window = body.window.as_ref();
        self.window_from == window.map(|it| fit::time(it.from))
            && self.window_to == window.map(|it| fit::time(it.to))
            && self.window_count == window.map(|it| signed(it.count))
    }

    /// A decision is its own aggregate, and its actor the agent that asked, where that was known.
    fn is_decision_of(&self, body: &EntryBody) -> bool {
        if !body.kind.starts_with("decision.") {
            return true;
        }
        let agent = body
            .actor
            .as_deref()
            .and_then(|it| it.strip_prefix("agent:"));
        self.decision_id == body.aggregate_id && self.agent_id.as_deref() == agent
    }
}

fn same(column: &Option<String>, stated: &Option<String>) -> bool {
    column.as_deref() == stated.as_deref().map(fit::text).as_deref()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use writ_chain::leaf::{Position, frame};

    /// A decision of agent 7, as the gate numbers it, and the columns the ledger writes beside it.
    fn decision() -> (Leaf, Columns) {
        let body: EntryBody = serde_json::from_value(serde_json::json!({
            "type": "decision.made.v1", "occurred_at": 5, "actor": "agent:7",
            "aggregate_id": "dec_1", "outcome": "allowed", "digest": "",
            "source": { "stream": "S", "subject": "s", "emitter": "e", "emitter_seq": 3 },
        }))
        .unwrap();
        let position = Position {
            tenant: Uuid::from_u128(1),
            seq: 0,
            event_id: Uuid::from_u128(2),
            prev_hash: [0; 32],
        };
        let leaf = Leaf::parse(&frame(&position, &body).unwrap()).unwrap();
        let columns = Columns {
            event_id: position.event_id,
            kind: body.kind,
            action: None,
            actor: body.actor,
            target: None,
            outcome: body.outcome,
            reason_code: None,
            occurred_at: fit::time(5),
            emitter: Some("incarnation:e".into()),
            emitter_seq: Some(3),
            window_from: None,
            window_to: None,
            window_count: None,
            decision_id: Some("dec_1".into()),
            agent_id: Some("7".into()),
            placed: Some(position.event_id),
            placed_hash: Some(vec![9; 32]),
        };
        (leaf, columns)
    }

    #[test]
    fn a_decision_is_found_under_its_own_id_agent_and_number() {
        let (leaf, mut columns) = decision();
        assert!(columns.differing(&leaf, &[9; 32]).is_empty());
        columns.agent_id = Some("8".into());
        columns.emitter_seq = Some(4);
        let found = columns.differing(&leaf, &[9; 32]);
        assert_eq!(found, ["emitter", "decision"]);
        columns.agent_id = None;
        columns.decision_id = None;
        assert_eq!(columns.differing(&leaf, &[8; 32]).len(), 3);
    }
}
