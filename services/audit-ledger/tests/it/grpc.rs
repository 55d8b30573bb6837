//! The same over gRPC.

use std::fmt::Write as _;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request as HttpRequest;
use tonic::{Code, Request};
use tower::ServiceExt as _;
use writ_chain::checkpoint::{Checkpoint, open};
use writ_chain::merkle::{leaf_hash, verify_consistency, verify_inclusion};
use writ_chain::receipt::{Receipt, verify};
use writ_chain::statement::Signed;
use writ_chain::verify::{Class, Trust, verify_export};
use writ_contract::Envelope;

use crate::stage::{EXPORT_NAME, Stage, checkpoint_key, org, trusted};

#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated from proto/writ/v1"
)]
mod v1 {
    tonic::include_proto!("writ.v1");
}

use v1::get_entry_request::Entry as By;
use v1::get_receipt_request::Entry as Of;
use v1::ledger_service_client::LedgerServiceClient;

macro_rules! client {
    ($stage:expr) => {
        LedgerServiceClient::new(
            $stage
                .router()
                .map_request(|request: HttpRequest<tonic::body::Body>| request.map(Body::new)),
        )
    };
}

fn ask<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("x-api-key", key.parse().unwrap());
    request
}

fn hashes(bytes: &[Vec<u8>]) -> Vec<[u8; 32]> {
    bytes
        .iter()
        .map(|it| it.as_slice().try_into().unwrap())
        .collect()
}

#[tokio::test]
async fn proofs_over_grpc_are_checked_with_the_checkpoint_alone() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "admin").await;
    stage.sealed(org, 1).await;
    let mut client = client!(stage);
    let head = client
        .get_checkpoint(ask(&key, v1::GetCheckpointRequest {}))
        .await
        .unwrap();
    let old = open(&head.into_inner().checkpoint, &[checkpoint_key()]).unwrap();
    let numbers: Vec<u64> = (1..=300).collect();
    let packed = stage.decisions(org, 1, &numbers).await;
    stage.sealed(org, 301).await;

    let decision = Envelope::decode(&packed.records[7].envelope)
        .unwrap()
        .aggregate_id;
    let by = v1::GetEntryRequest {
        entry: Some(By::DecisionId(decision.clone())),
    };
    let entry = client
        .get_entry(ask(&key, by))
        .await
        .unwrap()
        .into_inner()
        .entry
        .unwrap();
    assert!(entry.sealed && entry.leaf_hash == leaf_hash(&entry.leaf));

    let wanted = v1::ProveInclusionRequest {
        seq: entry.seq,
        size: 0,
    };
    let proof = client
        .prove_inclusion(ask(&key, wanted))
        .await
        .unwrap()
        .into_inner();
    let new = open(&proof.checkpoint, &[checkpoint_key()]).unwrap();
    let (size, root) = (new.checkpoint().size, new.checkpoint().root);
    let path = hashes(&proof.path);
    assert!(verify_inclusion(
        &leaf_hash(&entry.leaf),
        entry.seq,
        size,
        &path,
        &root
    ));
    extends(&mut client, &key, old.checkpoint(), new.checkpoint()).await;
}

/// The tree of today goes on where an older one ended.
async fn extends<T>(
    client: &mut LedgerServiceClient<T>,
    key: &str,
    old: &Checkpoint,
    new: &Checkpoint,
) where
    T: tonic::client::GrpcService<tonic::body::Body>,
    T::Error: Into<tonic::codegen::StdError>,
    T::ResponseBody: tonic::codegen::Body<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as tonic::codegen::Body>::Error: Into<tonic::codegen::StdError> + Send,
{
    let wanted = v1::ProveConsistencyRequest {
        from: old.size,
        to: 0,
    };
    let proof = client.prove_consistency(ask(key, wanted)).await.unwrap();
    let proof = hashes(&proof.into_inner().proof);
    assert!(verify_consistency(
        old.size, &old.root, new.size, &new.root, &proof
    ));
}

#[tokio::test]
async fn a_receipt_over_grpc_is_the_one_of_rest() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "viewer").await;
    let packed = stage.decisions(org, 1, &[1]).await;
    let decision = Envelope::decode(&packed.records[0].envelope)
        .unwrap()
        .aggregate_id;
    let mut client = client!(stage);
    let wanted = |entry| v1::GetReceiptRequest { entry: Some(entry) };
    let by_id = wanted(Of::DecisionId(decision));
    let receipt = client
        .get_receipt(ask(&key, by_id))
        .await
        .unwrap()
        .into_inner();
    let receipt = serde_json::from_str(&receipt.receipt_json).unwrap();
    assert!(verify(&receipt, &trusted()).is_ok());
    let refused = client.get_receipt(ask(&key, wanted(Of::Seq(0)))).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let developer = stage.key(org, "developer").await;
    let of_entry = client
        .get_receipt(ask(&developer, wanted(Of::Seq(0))))
        .await
        .unwrap()
        .into_inner();
    let of_entry: Signed<Receipt> = serde_json::from_str(&of_entry.receipt_json).unwrap();
    assert_eq!(of_entry.statement.inclusion.index, 0);
    assert!(verify(&of_entry, &trusted()).is_ok());
}

#[tokio::test]
async fn an_export_is_streamed_in_order_and_only_to_admins() {
    let stage = Stage::running().await;
    let org = org();
    let admin = stage.key(org, "admin").await;
    let viewer = stage.key(org, "viewer").await;
    let numbers: Vec<u64> = (1..=700).collect();
    stage.decisions(org, 1, &numbers).await;
    stage.sealed(org, 702).await;
    let mut client = client!(stage);
    let refused = client
        .export_ledger(ask(&viewer, v1::ExportLedgerRequest {}))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    let stream = client
        .export_ledger(ask(&admin, v1::ExportLedgerRequest {}))
        .await;
    let mut stream = stream.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    let header = first.header.clone().unwrap();
    assert_eq!(header.size, 702);
    let (mut next, mut bundle, mut last) = (0, String::new(), first.clone());
    let mut message = Some(first);
    while let Some(page) = message {
        bundle.push_str(&page.line);
        for entry in &page.entries {
            assert_eq!(entry.seq, next);
            next += 1;
            let leaf = BASE64.encode(&entry.leaf);
            writeln!(bundle, "{{\"leaf\":\"{leaf}\",\"seq\":{}}}", entry.seq).unwrap();
        }
        last = page;
        message = stream.message().await.unwrap();
    }
    assert_eq!(next, 702);
    assert!(last.line.starts_with("{\"manifest\":") && last.entries.is_empty());
    let report = verify_export(bundle.split_inclusive('\n'), Trust::new(org.0, trusted()));
    assert_eq!((report.class(), report.findings), (Class::Clean, vec![]));
    let rest = stage.get("/api/v1/audit/export", &admin).await.1;
    let end = |text: &str| text.lines().last().unwrap().contains(EXPORT_NAME);
    assert!(
        end(&rest) && end(&bundle),
        "signed with the key for exports"
    );
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let key = stage.key(ours, "developer").await;
    stage.policies(theirs, 1, 5).await;
    stage.sealed(ours, 1).await;
    stage.sealed(theirs, 5).await;
    let mut client = client!(stage);
    let foreign = v1::GetEntryRequest {
        entry: Some(By::Seq(3)),
    };
    let refused = client.get_entry(ask(&key, foreign)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let beyond = v1::ProveInclusionRequest { seq: 1, size: 0 };
    let refused = client.prove_inclusion(ask(&key, beyond)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let beyond = v1::ProveConsistencyRequest { from: 1, to: 9 };
    let refused = client
        .prove_consistency(ask(&key, beyond))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let refused = client
        .get_checkpoint(ask("ag_wrong", v1::GetCheckpointRequest {}))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
}
