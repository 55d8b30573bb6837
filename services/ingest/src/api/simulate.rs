//! `POST /policies/simulate`: a draft over the decisions that were made.

mod past;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use writ_contract::{DecisionId, OrgId, PolicyId};
use writ_policy::Outcome;
use writ_service_kit::json::{Data, Strict};
use writ_service_kit::routes::Authed;

use super::Api;
use super::page;
use super::status::Failure;
use crate::domain::{Draft, Judged, Past, Said};
use crate::error::Error;
use crate::store::{Cursor, DecisionFilter, DecisionRow};

/// Decisions that are read and judged at a time.
const PAGE: u32 = 200;
const LIMIT: u32 = 1_000;
const MOST: u32 = 5_000;
/// Decisions that are shown.
const SAMPLES: usize = 50;

/// A draft, and the decisions it is tried on.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Simulation")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    /// The draft, as `POST /policies` takes it; its name may be absent.
    policy: Map<String, Value>,
    /// The policy that it would stand for: what that one did is taken away.
    replaces: Option<PolicyId>,
    /// UUID or external id.
    agent_id: Option<String>,
    environment: Option<String>,
    /// Not before this RFC 3339 time.
    since: Option<String>,
    /// Before this RFC 3339 time.
    until: Option<String>,
    /// How many of the latest decisions: 1 to 5,000, 1,000 when absent.
    #[schemars(range(min = 1, max = 5_000))]
    limit: Option<u32>,
}

/// What the draft would have done.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Simulated")]
#[serde(rename_all = "camelCase")]
pub(super) struct Simulated {
    /// Decisions that were looked at.
    decisions: u64,
    /// Those with a trace that names them: only their inputs and outputs are known.
    with_input: u64,
    /// Those that the draft is for.
    in_scope: u64,
    /// Those that it hits.
    hits: u64,
    /// Those that nobody can say it of, and why.
    not_judged: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_judged_because: Option<&'static str>,
    /// Time of the first and the last decision that was looked at.
    from: Option<String>,
    to: Option<String>,
    /// Whether there are no older ones in the time that was asked for.
    complete: bool,
    changes: Vec<Change>,
    /// Decisions it hits or that would have been others, the latest first; at most 50.
    samples: Vec<Sample>,
}

/// So many decisions would have been others.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SimulatedChange")]
struct Change {
    /// `allow`, `hold` or `deny`.
    recorded: &'static str,
    simulated: &'static str,
    count: u64,
}

/// One decision under the draft.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SimulatedDecision")]
#[serde(rename_all = "camelCase")]
struct Sample {
    decision_id: DecisionId,
    timestamp: String,
    agent_id: String,
    environment: String,
    recorded: &'static str,
    simulated: &'static str,
    /// What the draft says; empty when it does not hit.
    messages: Vec<String>,
}

pub(super) async fn simulate(
    State(api): State<Api>,
    Authed(caller): Authed,
    Strict(wanted): Strict<Wanted>,
) -> Result<Json<Data<Simulated>>, Failure> {
    let org = OrgId(caller.org_id());
    let (mut filter, mut left) = filter(&wanted)?;
    let mut draft = Draft::read(wanted.policy, wanted.replaces).map_err(Error::Draft)?;
    let mut simulated = Simulated::default();
    // One at a time: traces come first.
    let _turn = api.simulating.acquire().await;
    while left > 0 {
        filter.limit = left.min(PAGE);
        let rows = api.store.decisions(org, &filter).await?;
        let full = rows.len() >= filter.limit as usize;
        left = left.saturating_sub(filter.limit);
        filter.after = rows.last().map(|row| Cursor {
            time: row.timestamp,
            id: row.decision_id.to_string(),
            span: String::new(),
        });
        simulated.complete = !full;
        let pasts = past::of(&api, org, &rows).await?;
        let judging = move || {
            let judged = pasts.iter().map(|past| draft.judge(past)).collect();
            (draft, pasts, judged)
        };
        let judged: (Draft, Vec<Past>, Vec<Judged>) = tokio::task::spawn_blocking(judging)
            .await
            .map_err(|_| Error::Overloaded)?;
        let (again, pasts, judged) = judged;
        draft = again;
        for ((row, past), judged) in rows.iter().zip(&pasts).zip(judged) {
            simulated.add(row, past, judged);
        }
        if !full {
            break;
        }
    }
    Ok(Json(Data { data: simulated }))
}

fn filter(wanted: &Wanted) -> Result<(DecisionFilter, u32), Error> {
    let limit = match wanted.limit.unwrap_or(LIMIT) {
        limit @ 1..=MOST => limit,
        _ => {
            return Err(Error::Parameter {
                field: "limit",
                expected: "1 to 5000",
            });
        }
    };
    let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
    let filter = DecisionFilter {
        agent_id: wanted.agent_id.clone(),
        environment: wanted.environment.clone(),
        since: page::time("since", wanted.since.as_deref())?.map(micros),
        until: page::time("until", wanted.until.as_deref())?.map(micros),
        ..DecisionFilter::default()
    };
    Ok((filter, limit))
}

impl Simulated {
    fn add(&mut self, row: &DecisionRow, past: &Past, judged: Judged) {
        self.decisions += 1;
        self.with_input += u64::from(!past.request.input.is_empty());
        let at = page::micros(row.timestamp);
        self.to.get_or_insert_with(|| at.clone());
        self.from = Some(at.clone());
        let messages = match judged.said {
            Said::OutOfScope => Vec::new(),
            Said::Passed => {
                self.in_scope += 1;
                Vec::new()
            }
            Said::NotJudged(why) => {
                self.not_judged += 1;
                self.not_judged_because = Some(why);
                Vec::new()
            }
            Said::Hit(messages) => {
                self.in_scope += 1;
                self.hits += 1;
                messages
            }
        };
        let (recorded, simulated) = (word(past.outcome), word(judged.outcome));
        if recorded != simulated {
            self.changed(recorded, simulated);
        }
        let telling = recorded != simulated || !messages.is_empty();
        if telling && self.samples.len() < SAMPLES {
            self.samples.push(Sample {
                decision_id: row.decision_id,
                timestamp: at,
                agent_id: row.agent_id.clone(),
                environment: row.environment.clone(),
                recorded,
                simulated,
                messages,
            });
        }
    }

    fn changed(&mut self, recorded: &'static str, simulated: &'static str) {
        let mut changes = self.changes.iter_mut();
        let same =
            |change: &&mut Change| (change.recorded, change.simulated) == (recorded, simulated);
        match changes.find(same) {
            Some(change) => change.count += 1,
            None => self.changes.push(Change {
                recorded,
                simulated,
                count: 1,
            }),
        }
    }
}

/// As decisions are recorded.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Hold => "hold",
        Outcome::Block => "deny",
    }
}
