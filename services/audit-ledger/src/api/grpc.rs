//! gRPC: `writ.v1.LedgerService`, over the same rows as REST.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream::try_unfold;
use prost_types::Timestamp;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use writ_access::Role;
use writ_chain::Hash;
use writ_chain::leaf::leaf_hash;
use writ_contract::{DecisionId, OrgId};
use writ_pg::TenantTx;
use writ_service_kit::ApiError;
use writ_service_kit::grpc::caller;

use super::export::{actor, exported_to};
use super::{State, receipt, status};
use crate::error::Error;
use crate::store::{self, ExportRow, GLOBAL, Selection, Signed, StoredEntry};

/// Generated from `proto/writ/v1/ledger.proto`.
#[allow(
    missing_debug_implementations,
    unreachable_pub,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/writ/v1/ledger.proto"
)]
pub(crate) mod v1 {
    tonic::include_proto!("writ.v1");
}

/// The encoded descriptors, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ledger.bin"));

use v1::get_entry_request::Entry as By;
use v1::ledger_service_server::LedgerService;

/// Entries in one message of an export.
const PAGE: i64 = 500;

#[tonic::async_trait]
impl LedgerService for State {
    async fn get_entry(
        &self,
        request: Request<v1::GetEntryRequest>,
    ) -> Result<Response<v1::GetEntryResponse>, Status> {
        let caller = caller(&request)?;
        developer(&caller)?;
        let by = request.into_inner().entry;
        let by = by.ok_or_else(|| Status::invalid_argument("name a seq or a decision_id"))?;
        let found = entry(self, caller.org_id(), by).await;
        let entry = found.map_err(status::answer)?;
        let entry = entry.ok_or_else(|| ApiError::not_found("entry"))?;
        Ok(Response::new(v1::GetEntryResponse { entry: Some(entry) }))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        let caller = caller(&request)?;
        let id = &request.get_ref().decision_id;
        let signed = receipt::find(self, caller.org_id(), id).await?;
        let receipt_json = serde_json::to_string(&signed);
        let receipt_json = receipt_json.map_err(|error| ApiError::internal(&error))?;
        Ok(Response::new(v1::GetReceiptResponse { receipt_json }))
    }

    async fn prove_inclusion(
        &self,
        request: Request<v1::ProveInclusionRequest>,
    ) -> Result<Response<v1::ProveInclusionResponse>, Status> {
        let org = caller(&request)?.org_id();
        let asked = request.into_inner();
        let (mut tx, size) = sized(self, org, asked.size).await?;
        if asked.seq >= size {
            return Err(Status::out_of_range(
                "seq must be below the size of the tree",
            ));
        }
        let proof = included(&mut tx, org, asked.seq, size).await;
        Ok(Response::new(proof.map_err(status::answer)?))
    }

    async fn prove_consistency(
        &self,
        request: Request<v1::ProveConsistencyRequest>,
    ) -> Result<Response<v1::ProveConsistencyResponse>, Status> {
        let org = caller(&request)?.org_id();
        let asked = request.into_inner();
        let (mut tx, to) = sized(self, org, asked.to).await?;
        if asked.from > to {
            return Err(Status::out_of_range("from must not be above to"));
        }
        let proof = store::consistency(&mut tx, org, asked.from, to).await;
        let note = store::note_of(&mut tx, to).await.map_err(status::answer)?;
        Ok(Response::new(v1::ProveConsistencyResponse {
            to,
            proof: bytes(proof.map_err(status::answer)?),
            checkpoint: note.unwrap_or_default(),
        }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let org = caller(&request)?.org_id();
        let (own, global) = heads(self, org).await.map_err(status::answer)?;
        Ok(Response::new(v1::GetCheckpointResponse {
            checkpoint: own.map(|signed| signed.note).unwrap_or_default(),
            global_checkpoint: global.map(|(_, note)| note).unwrap_or_default(),
        }))
    }

    type ExportLedgerStream =
        Pin<Box<dyn Stream<Item = Result<v1::ExportLedgerResponse, Status>> + Send>>;

    async fn export_ledger(
        &self,
        request: Request<v1::ExportLedgerRequest>,
    ) -> Result<Response<Self::ExportLedgerStream>, Status> {
        let caller = caller(&request)?;
        caller
            .require(Role::Admin)
            .map_err(|_| Status::permission_denied("an export needs the role admin"))?;
        let org = caller.org_id();
        let (own, _) = heads(self, org).await.map_err(status::answer)?;
        let head = own.ok_or_else(status::nothing_sealed)?;
        let actor = actor(&caller);
        Ok(Response::new(Box::pin(exported(
            self.clone(),
            org,
            head,
            actor,
        ))))
    }
}

fn developer(caller: &writ_access::Caller) -> Result<(), Status> {
    let allowed = caller.require(Role::Developer);
    allowed.map_err(|_| Status::permission_denied("entries need the role developer"))
}

async fn entry(state: &State, org: Uuid, by: By) -> Result<Option<v1::Entry>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let seq = match by {
        By::Seq(seq) => Some(seq),
        By::DecisionId(id) => match id.parse::<DecisionId>() {
            Ok(id) => store::decision(&mut tx, &id.to_string())
                .await?
                .map(|recorded| recorded.seq),
            Err(_) => None,
        },
    };
    let Some(seq) = seq else { return Ok(None) };
    let size = store::signed(&mut tx)
        .await?
        .map_or(0, |signed| signed.size);
    let found = store::entry(&mut tx, seq).await?;
    Ok(found.map(|entry| message(entry, size)))
}

/// The tree that was asked for: a size that is sealed, the latest for 0.
async fn sized(state: &State, org: Uuid, size: u64) -> Result<(TenantTx, u64), Status> {
    let opened = async {
        let mut tx = state.pool.begin(org).await?;
        let signed = store::signed(&mut tx).await?;
        Ok::<_, Error>((tx, signed))
    };
    let (tx, signed) = opened.await.map_err(status::answer)?;
    let latest = signed.ok_or_else(status::nothing_sealed)?.size;
    match size {
        0 => Ok((tx, latest)),
        size if size <= latest => Ok((tx, size)),
        _ => Err(Status::out_of_range("no signed tree is that large yet")),
    }
}

async fn included(
    tx: &mut TenantTx,
    org: Uuid,
    seq: u64,
    size: u64,
) -> Result<v1::ProveInclusionResponse, Error> {
    let path = store::inclusion(tx, org, seq, size).await?;
    let leaf_hash = store::leaf_hash(tx, seq).await?;
    let note = store::note_of(tx, size).await?;
    Ok(v1::ProveInclusionResponse {
        size,
        leaf_hash,
        path: bytes(path),
        checkpoint: note.unwrap_or_default(),
    })
}

async fn heads(state: &State, org: Uuid) -> Result<(Option<Signed>, Option<(u64, String)>), Error> {
    let mut tx = state.pool.begin(org).await?;
    let own = store::signed(&mut tx).await?;
    let mut tx = state.pool.begin(GLOBAL).await?;
    Ok((own, store::global_signed(&mut tx).await?))
}

/// The header, then pages of entries; what is sealed does not change, so each is read by itself.
fn exported(
    state: State,
    org: Uuid,
    head: Signed,
    actor: String,
) -> impl Stream<Item = Result<v1::ExportLedgerResponse, Status>> + Send {
    try_unfold((state, None), move |(state, next)| {
        let (head, actor) = (head.clone(), actor.clone());
        async move {
            let Some(from) = next else {
                let header = v1::ExportHeader {
                    org_id: OrgId(org).to_string(),
                    size: head.size,
                    checkpoint: head.note,
                };
                let first = v1::ExportLedgerResponse {
                    header: Some(header),
                    entries: Vec::new(),
                };
                return Ok(Some((first, (state, Some(0)))));
            };
            let page = page(&state, org, from, head.size).await;
            let entries = page.map_err(status::answer)?;
            let next = entries.last().map(|last| last.seq + 1);
            if next.is_none() {
                let noted = exported_to(&state, org, &actor, head.size).await;
                noted.map_err(status::answer)?;
            }
            let response = v1::ExportLedgerResponse {
                header: None,
                entries,
            };
            Ok(next.map(|next| (response, (state, Some(next)))))
        }
    })
}

async fn page(state: &State, org: Uuid, from: u64, size: u64) -> Result<Vec<v1::Entry>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let everything = Selection {
        from,
        ..Selection::default()
    };
    let rows = store::export_page(&mut tx, &everything, size, PAGE).await?;
    let entry = |row: ExportRow| v1::Entry {
        seq: row.seq,
        leaf_hash: leaf_hash(&row.leaf_bytes).to_vec(),
        leaf: row.leaf_bytes,
        recorded_at: None,
        sealed: true,
    };
    Ok(rows.into_iter().map(entry).collect())
}

fn message(entry: StoredEntry, size: u64) -> v1::Entry {
    v1::Entry {
        seq: entry.seq,
        leaf_hash: leaf_hash(&entry.leaf_bytes).to_vec(),
        leaf: entry.leaf_bytes,
        recorded_at: Some(timestamp(entry.recorded_at)),
        sealed: entry.seq < size,
    }
}

fn bytes(hashes: Vec<Hash>) -> Vec<Vec<u8>> {
    hashes.into_iter().map(Vec::from).collect()
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}
