//! `GET /audit/decisions/{id}/receipt` and `GET /audit/entries/{seq}/receipt`: the proof that one entry is
//! in the ledger.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Shared};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use writ_chain::leaf::Leaf;
use writ_chain::receipt::{self, FORMAT, Inclusion, Interval, Receipt, path_text};
use writ_chain::statement::{Signed, sign};
use writ_contract::DecisionId;
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::json::Data;
use writ_service_kit::routes::Authed;

use super::signed::SignedDto;
use super::{State, status};
use crate::error::Error;
use crate::store::{self, Covering, GLOBAL, StoredEntry};

/// How long an answer waits for the seal: a little more than one is ever away.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A decision that is not recorded anywhere after this long never was made.
const ON_ITS_WAY_MS: i64 = 60_000;

/// Whose receipt is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Decision(DecisionId),
    Entry(u64),
}

impl Of {
    /// Of a decision, by `dec_…` or its UUID; nobody ever made one of another form.
    pub(super) fn decision(id: &str) -> Result<Self, ApiError> {
        let id = id.parse().map_err(|_| ApiError::not_found("decision"))?;
        Ok(Self::Decision(id))
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Decision(_) => "decision",
            Self::Entry(_) => "entry",
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(id) => write!(out, "{id}"),
            Self::Entry(seq) => write!(out, "entry {seq}"),
        }
    }
}

/// What became of a request for a receipt.
enum Found {
    Receipt(Box<Signed<Receipt>>),
    /// Recorded, under no checkpoint yet.
    Unsealed,
    /// Nowhere; it may still be on its way.
    Young,
}

pub(super) async fn show(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Path(id): Path<String>,
) -> Result<Json<Data<SignedDto>>, ApiError> {
    answer(&state, caller.org_id(), Of::decision(&id)?).await
}

pub(super) async fn show_entry(
    Shared(state): Shared<State>,
    Authed(caller): Authed,
    Path(seq): Path<String>,
) -> Result<Json<Data<SignedDto>>, ApiError> {
    let seq = seq.parse().map_err(|_| ApiError::not_found("entry"))?;
    answer(&state, caller.org_id(), Of::Entry(seq)).await
}

async fn answer(state: &State, org: Uuid, of: Of) -> Result<Json<Data<SignedDto>>, ApiError> {
    let signed = find(state, org, of).await?;
    let data = SignedDto::of(signed)?;
    Ok(Json(Data { data }))
}

/// The receipt, as soon as there is one.
pub(super) async fn find(state: &State, org: Uuid, of: Of) -> Result<Signed<Receipt>, ApiError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = look(state, org, of).await.map_err(status::answer)?;
        let waiting = match found {
            Some(Found::Receipt(receipt)) => return Ok(*receipt),
            Some(Found::Unsealed) => "it is recorded and not sealed yet",
            Some(Found::Young) => "it is not recorded yet",
            None => return Err(ApiError::not_found(of.what())),
        };
        if Instant::now() >= until {
            return Err(status::not_yet(waiting));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(state: &State, org: Uuid, of: Of) -> Result<Option<Found>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let found = match of {
        Of::Entry(seq) => store::entry(&mut tx, seq).await?,
        Of::Decision(id) => {
            let wire = id.to_string();
            let found = store::decision(&mut tx, &wire).await?;
            if found.is_none() && is_young(id, state.clock.now_ms()) {
                if !store::is_recorded(&mut tx, &wire).await? {
                    return Ok(Some(Found::Young));
                }
                // It may have been recorded between the two looks.
                store::decision(&mut tx, &wire).await?
            } else {
                found
            }
        }
    };
    let Some(recorded) = found else {
        return Ok(None);
    };
    let Some(covering) = store::covering(&mut tx, recorded.seq).await? else {
        return Ok(Some(Found::Unsealed));
    };
    let receipt = assemble(state, &mut tx, of, recorded, covering).await?;
    Ok(Some(Found::Receipt(Box::new(receipt))))
}

fn is_young(id: DecisionId, now_ms: i64) -> bool {
    let made = id.0.get_timestamp().map(|time| time.to_unix());
    let made_ms = made.and_then(|(seconds, nanos)| {
        let millis = seconds
            .checked_mul(1_000)?
            .checked_add(u64::from(nanos) / 1_000_000)?;
        i64::try_from(millis).ok()
    });
    made_ms.is_some_and(|made| (now_ms - made).abs() < ON_ITS_WAY_MS)
}

/// Puts the proofs together, signs them, and checks the result as its reader will.
async fn assemble(
    state: &State,
    tx: &mut TenantTx,
    of: Of,
    recorded: StoredEntry,
    covering: Covering,
) -> Result<Signed<Receipt>, Error> {
    let damaged = || Error::Damaged(format!("the receipt of {of}"));
    let leaf = Leaf::parse(&recorded.leaf_bytes).map_err(|_| damaged())?;
    let body = leaf.entry().map_err(|_| damaged())?;
    let org = leaf.position.tenant;
    let global = store::global_with(tx, covering.global_index).await?;
    let global = global.ok_or_else(damaged)?;
    let in_tree = store::inclusion(tx, org, recorded.seq, covering.size).await?;
    let index = covering.global_index;
    let in_global = store::inclusion(tx, GLOBAL, index, global.size).await?;
    let statement = Receipt {
        format: FORMAT.to_owned(),
        org,
        decision_id: receipt::decision(&body).map(str::to_owned),
        event_id: leaf.position.event_id,
        entry: serde_json::from_slice(&leaf.body).map_err(|_| damaged())?,
        leaf: BASE64.encode(&recorded.leaf_bytes),
        inclusion: Inclusion {
            index: recorded.seq,
            path: path_text(&in_tree),
            checkpoint: covering.note,
        },
        interval: Interval {
            index: covering.interval.index,
            size: covering.interval.size,
            path: path_text(&covering.interval.path),
        },
        global: Inclusion {
            index: covering.global_index,
            path: path_text(&in_global),
            checkpoint: global.note,
        },
        witnessed: global.witnessed,
        issued_at: state.clock.now().timestamp_micros(),
    };
    let signed = sign(statement, &state.keys.export).map_err(|_| damaged())?;
    let trusted = state.keys.trusted().map_err(|_| damaged())?;
    receipt::verify(&signed, &trusted).map_err(|why| {
        tracing::error!(%of, error = %why, "receipt does not verify");
        damaged()
    })?;
    Ok(signed)
}
