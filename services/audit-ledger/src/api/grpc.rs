//! gRPC: `writ.v1.LedgerService`, over the same rows as REST.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use futures::stream::iter;
use futures::{Stream, TryStreamExt as _};
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
use writ_service_kit::trace::traceparent;

use super::export::{Export, ExportQuery, Piece, open, pieces, taker};
use super::receipt::{self, Of};
use super::{State, status};
use crate::error::Error;
use crate::store::{self, ExportRow, GLOBAL, Signed, StoredEntry};

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
use v1::get_receipt_request::Entry as ReceiptBy;
use v1::ledger_service_server::LedgerService;

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
        let of = match request.into_inner().entry {
            Some(ReceiptBy::DecisionId(id)) => Of::decision(&id)?,
            Some(ReceiptBy::Seq(seq)) => {
                developer(&caller)?;
                Of::Entry(seq)
            }
            None => return Err(Status::invalid_argument("name a seq or a decision_id")),
        };
        let signed = receipt::find(self, caller.org_id(), of).await?;
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
            global_checkpoint: global.unwrap_or_default(),
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
        let trace = traceparent(request.metadata().as_ref()).to_owned();
        let opened = open(self, taker(&caller, trace), &ExportQuery::default()).await;
        let export = opened.map_err(status::answer)?;
        let export = export.ok_or_else(status::nothing_sealed)?;
        let header = v1::ExportHeader {
            org_id: OrgId(caller.org_id()).to_string(),
            size: export.header.size,
            checkpoint: export.header.checkpoint.clone(),
        };
        Ok(Response::new(Box::pin(exported(
            self.clone(),
            export,
            header,
        ))))
    }
}

fn developer(caller: &writ_access::Caller) -> Result<(), Status> {
    let allowed = caller.require(Role::Developer);
    allowed.map_err(|_| Status::permission_denied("entries need the role developer"))
}

async fn entry(state: &State, org: Uuid, by: By) -> Result<Option<v1::Entry>, Error> {
    let mut tx = state.pool.begin(org).await?;
    let found = match by {
        By::Seq(seq) => store::entry(&mut tx, seq).await?,
        By::DecisionId(id) => match id.parse::<DecisionId>() {
            Ok(id) => store::decision(&mut tx, &id.to_string()).await?,
            Err(_) => None,
        },
    };
    let size = store::signed(&mut tx)
        .await?
        .map_or(0, |signed| signed.size);
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

async fn heads(state: &State, org: Uuid) -> Result<(Option<Signed>, Option<String>), Error> {
    let mut tx = state.pool.begin(org).await?;
    let own = store::signed(&mut tx).await?;
    let mut tx = state.pool.begin(GLOBAL).await?;
    let global = store::global_with(&mut tx, 0).await?;
    Ok((own, global.map(|head| head.note)))
}

/// The header, entries with the marks between them, the manifest.
fn exported(
    state: State,
    export: Export,
    header: v1::ExportHeader,
) -> impl Stream<Item = Result<v1::ExportLedgerResponse, Status>> + Send {
    let mut header = Some(header);
    pieces(state, export)
        .map_ok(move |pieces| {
            let mut messages = messages(pieces);
            if let (Some(first), Some(header)) = (messages.first_mut(), header.take()) {
                first.header = Some(header);
            }
            iter(messages.into_iter().map(Ok::<_, Error>))
        })
        .try_flatten()
        .map_err(|error| status::answer(error).into())
}

/// A line that states no entry begins a message; the entries behind it are in that message.
fn messages(pieces: Vec<Piece>) -> Vec<v1::ExportLedgerResponse> {
    let mut messages: Vec<v1::ExportLedgerResponse> = Vec::new();
    for Piece { line, entry } in pieces {
        match (entry, messages.last_mut()) {
            (Some(row), Some(last)) => last.entries.push(exported_entry(row)),
            (Some(row), None) => messages.push(v1::ExportLedgerResponse {
                entries: vec![exported_entry(row)],
                ..v1::ExportLedgerResponse::default()
            }),
            (None, _) => messages.push(v1::ExportLedgerResponse {
                line,
                ..v1::ExportLedgerResponse::default()
            }),
        }
    }
    messages
}

fn exported_entry(row: ExportRow) -> v1::Entry {
    v1::Entry {
        seq: row.seq,
        leaf_hash: leaf_hash(&row.leaf_bytes).to_vec(),
        leaf: row.leaf_bytes,
        recorded_at: None,
        sealed: true,
    }
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
