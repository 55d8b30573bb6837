//! `GET /audit/decisions/{id}/receipt`: the proof that one decision is in the ledger.

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
use crate::store::{self, Covering, GLOBAL, Recorded};

/// How long an answer waits for the seal: a little more than one is ever away.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A decision that is not recorded anywhere after this long never was made.
const ON_ITS_WAY_MS: i64 = 60_000;

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
    let signed = find(&state, caller.org_id(), &id).await?;
    let data = SignedDto::of(signed)?;
    Ok(Json(Data { data }))
}

/// The receipt of a decision, as soon as there is one.
pub(super) async fn find(state: &State, org: Uuid, id: &str) -> Result<Signed<Receipt>, ApiError> {
    let id: DecisionId = id.parse().map_err(|_| ApiError::not_found("decision"))?;
    let until = Instant::now() + PATIENCE;
    loop {
        let found = look(state, org, id).await.map_err(status::answer)?;
        let waiting = match found {
            Some(Found::Receipt(receipt)) => return Ok(*receipt),
            Some(Found::Unsealed) => "the decision is recorded and not sealed yet",
            Some(Found::Young) => "the decision is not recorded yet",
            None => return Err(ApiError::not_found("decision")),
        };
        if Instant::now() >= until {
            return Err(status::not_yet(waiting));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(state: &State, org: Uuid, id: DecisionId) -> Result<Option<Found>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let wire = id.to_string();
    let mut found = store::decision(&mut tx, &wire).await?;
    if found.is_none() {
        let young = is_young(id, state.clock.now_ms());
        if young && !store::is_recorded(&mut tx, &wire).await? {
            return Ok(Some(Found::Young));
        }
        // It may have been recorded between the two looks.
        found = store::decision(&mut tx, &wire).await?;
    }
    let Some(recorded) = found else {
        return Ok(None);
    };
    let Some(covering) = store::covering(&mut tx, recorded.seq).await? else {
        return Ok(Some(Found::Unsealed));
    };
    let receipt = assemble(state, &mut tx, org, wire, recorded, covering).await?;
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
    org: Uuid,
    decision_id: String,
    recorded: Recorded,
    covering: Covering,
) -> Result<Signed<Receipt>, Error> {
    let damaged = || Error::Damaged(format!("the receipt of {decision_id}"));
    let leaf = Leaf::parse(&recorded.leaf_bytes).map_err(|_| damaged())?;
    let entry = serde_json::from_slice(&leaf.body).map_err(|_| damaged())?;
    let global = store::global_with(tx, covering.global_index).await?;
    let global = global.ok_or_else(damaged)?;
    let in_tree = store::inclusion(tx, org, recorded.seq, covering.size).await?;
    let index = covering.global_index;
    let in_global = store::inclusion(tx, GLOBAL, index, global.size).await?;
    let statement = Receipt {
        format: FORMAT.to_owned(),
        org,
        decision_id: decision_id.clone(),
        event_id: recorded.event_id,
        entry,
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
        tracing::error!(decision = decision_id, error = %why, "receipt does not verify");
        damaged()
    })?;
    Ok(signed)
}
