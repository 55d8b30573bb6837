//! Witnesses that hang, are away or answer nonsense: sealing does not wait for them, nor do the
//! others, and what they sign is there once they are back.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use writ_audit_ledger::config::WitnessConfig;
use writ_chain::checkpoint::open;
use writ_chain::cosignature::{WitnessKey, WitnessSigner, cosigned};
use writ_chain::global::{Inclusion, TenantHead};
use writ_chain::note;
use writ_contract::OrgId;
use writ_testkit::{Nats, Postgres, eventually};

use crate::stage::{SOON, Stage, checkpoint_key, org};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Takes a head and never answers.
    Hangs,
    Babbles,
    Signs,
}

/// A witness that does as the test says.
struct Played {
    signer: WitnessSigner,
    at: SocketAddr,
    manner: watch::Sender<Manner>,
    asked: Arc<AtomicUsize>,
}

impl Played {
    /// Not listening yet.
    fn away(number: u8) -> Self {
        let name = format!("witness.test/{number}");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            signer: WitnessSigner::from_seed(&name, &[number; 32]).unwrap(),
            at: free.local_addr().unwrap(),
            manner: watch::Sender::new(Manner::Signs),
            asked: Arc::default(),
        }
    }

    async fn there(number: u8, manner: Manner) -> Self {
        let witness = Self::away(number);
        witness.manner.send_replace(manner);
        witness.listen().await;
        witness
    }

    async fn listen(&self) {
        let (signer, manner) = (self.signer.clone(), self.manner.subscribe());
        let asked = self.asked.clone();
        let answer = move |body: String| {
            asked.fetch_add(1, Ordering::SeqCst);
            let (signer, manner) = (signer.clone(), *manner.borrow());
            async move {
                match manner {
                    Manner::Hangs => pending().await,
                    Manner::Babbles => "— somebody bm9uc2Vuc2U=\n\u{0}".to_owned(),
                    Manner::Signs => {
                        let (_, head) = body.split_once("\n\n").unwrap();
                        let at = chrono::Utc::now().timestamp().unsigned_abs();
                        signer.cosign(note::text_of(head).unwrap(), at)
                    }
                }
            }
        };
        let router = Router::new().route("/add-checkpoint", post(answer));
        let listener = TcpListener::bind(self.at).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    fn key(&self) -> WitnessKey {
        self.signer.verifier().clone()
    }

    fn listed(&self) -> WitnessConfig {
        WitnessConfig {
            url: format!("http://{}", self.at),
            key: self.key().to_string(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn with(witnesses: &[&Played]) -> Stage {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut stage = Stage::set(&Nats::shared().await, &Postgres::shared().await).await;
    stage.witnesses = witnesses.iter().map(|it| it.listed()).collect();
    stage.start().await;
    stage
}

/// One entry after the other, each under a head of its own.
async fn seal(stage: &Stage, org: OrgId, entries: std::ops::RangeInclusive<u64>) {
    for entry in entries {
        stage.policies(org, entry, 1).await;
        stage.sealed(org, i64::try_from(entry).unwrap()).await;
    }
}

/// Waits until the head of this size is served with signatures of exactly these witnesses.
async fn cosigned_by(stage: &Stage, size: u64, witnesses: &[&Played]) {
    let keys: Vec<WitnessKey> = witnesses.iter().map(|it| it.key()).collect();
    let size = size.to_string();
    eventually(SOON, "they signed the latest head", || async {
        let (_, _, body) = stage.raw("/checkpoint", "").await;
        let head = String::from_utf8(body).unwrap();
        let by = cosigned(&head, &keys).unwrap().len();
        let lines = head.lines().filter(|line| line.starts_with('—')).count();
        let whole = by == keys.len() && lines == keys.len() + 1;
        let latest = head.lines().nth(1) == Some(&size);
        if whole && latest { Ok(()) } else { Err(head) }
    })
    .await;
}

/// `GET /audit/checkpoint` once these witnesses signed what it shows: its head is in that global head.
async fn told(stage: &Stage, org: OrgId, witnesses: &[&Played]) -> Value {
    let key = stage.key(org, "viewer").await;
    let keys: Vec<WitnessKey> = witnesses.iter().map(|it| it.key()).collect();
    eventually(SOON, "the checkpoint is told of", || async {
        let (status, body) = stage.get("/api/v1/audit/checkpoint", &key).await;
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let found = body["data"].clone();
        let Some(note) = found["checkpoint"].as_str() else {
            return Err((status, body));
        };
        let head = open(note, &[checkpoint_key()]).unwrap();
        // A head that was sealed between two looks is shown without its place for a moment.
        if found["global"].is_null() {
            return Err((status, body));
        }
        let inclusion: Inclusion = serde_json::from_value(found["global"].clone()).unwrap();
        let global = open(&inclusion.checkpoint, &[checkpoint_key()]).unwrap();
        let head = TenantHead {
            tenant: org.0,
            size: head.checkpoint().size,
            root: head.checkpoint().root,
        };
        assert!(inclusion.proves(&head, global.checkpoint()));
        if cosigned(&inclusion.checkpoint, &keys).unwrap().len() == keys.len() {
            Ok(found)
        } else {
            Err((status, body))
        }
    })
    .await
}

#[tokio::test]
async fn sealing_goes_on_whatever_witnesses_do_and_they_sign_once_they_are_back() {
    let hanging = Played::there(1, Manner::Hangs).await;
    let babbling = Played::there(2, Manner::Babbles).await;
    let (away, well) = (Played::away(3), Played::there(4, Manner::Signs).await);
    let all = [&hanging, &babbling, &away, &well];
    let (stage, org) = (with(&all).await, org());
    seal(&stage, org, 1..=1).await;
    eventually(SOON, "one hangs and one babbles", || async {
        let asked = (hanging.asked(), babbling.asked());
        if asked.0 > 0 && asked.1 > 0 {
            Ok(())
        } else {
            Err(asked)
        }
    })
    .await;
    seal(&stage, org, 2..=8).await;
    cosigned_by(&stage, 8, &[&well]).await;

    for witness in all {
        witness.manner.send_replace(Manner::Signs);
    }
    away.listen().await;
    seal(&stage, org, 9..=9).await;
    cosigned_by(&stage, 9, &all).await;
    let told = told(&stage, org, &all).await;
    assert_eq!(
        (&told["witnessed"], &told["witnessedSize"]),
        (&true.into(), &told["size"])
    );
    assert_eq!(stage.verify_told(org).await.findings, []);
}

#[tokio::test]
async fn a_ledger_whose_only_witness_never_answers_is_sealed_and_served() {
    let hanging = Played::there(1, Manner::Hangs).await;
    let (stage, org) = (with(&[&hanging]).await, org());
    seal(&stage, org, 1..=3).await;
    cosigned_by(&stage, 3, &[]).await;
    let told = told(&stage, org, &[]).await;
    assert_eq!(
        (&told["witnessed"], told.get("witnessedSize")),
        (&false.into(), None)
    );
}
