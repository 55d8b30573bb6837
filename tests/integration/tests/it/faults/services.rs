//! `kill -9` of each service, and a pause, with three enforcement replicas under load.

use std::time::Duration;

use async_nats::jetstream::Message;
use reqwest::Method;
use serde_json::json;
use writ_contract::{Envelope, Packed, Service, wire};
use writ_testkit::eventually;

use super::load::{Load, nothing_was_lost};
use super::processes::{named, signal};
use crate::stack::Stack;

pub(super) const THREE: [&str; 4] = ["--empty", "--processes", "--replicas", "enforcement=3"];

#[tokio::test]
async fn each_service_is_killed_once_and_nothing_is_lost() {
    let stack = Stack::with(&THREE).await;
    stack.agent("bot").await;
    let load = Load::start(&stack, 4);
    load.goes_on(20, "the start").await;
    for service in Service::ALL {
        let program = format!("writ-{service}");
        let running = named(&stack, &program);
        assert!(
            !running.is_empty(),
            "{program} runs as a process of its own"
        );
        signal(&running[..1], "KILL");
        load.goes_on(20, &format!("kill -9 of {service}")).await;
        let replicas = running.len();
        eventually(
            Duration::from_secs(30),
            &format!("{program} is started again"),
            || async {
                let now = named(&stack, &program);
                let anew = now.iter().all(|p| p.pid != running[0].pid);
                if now.len() == replicas && anew {
                    Ok(())
                } else {
                    Err(now)
                }
            },
        )
        .await;
    }
    load.goes_on(20, "all of them").await;
    let acknowledged = load.finish().await;
    nothing_was_lost(&stack, &acknowledged).await;
}

#[tokio::test]
async fn no_allow_follows_a_pause_under_load() {
    let stack = Stack::with(&THREE).await;
    let agent = stack.agent("bot").await;
    let load = Load::start(&stack, 8);
    load.goes_on(100, "the start").await;
    let path = format!("/agents/{agent}/pause");
    let body = Some(json!({"reason": "incident"}));
    let (status, receipt) = stack
        .call("WRIT_ADMIN_KEY", Method::PATCH, &path, body)
        .await;
    assert!(status.is_success(), "{receipt}");
    load.goes_on(50, "the pause").await;
    load.finish().await;

    let mut kills = Vec::new();
    let mut allows = Vec::new();
    for (sequence, subject, payload) in gate(&stack).await {
        if subject.ends_with(".kill") {
            kills.push(sequence);
        } else if subject.ends_with(".decision") {
            let records = Packed::decode(&payload).unwrap().records;
            let decisions = records
                .iter()
                .map(|r| Envelope::decode(&r.envelope).unwrap());
            let allowed = |e: &Envelope| {
                e.open::<wire::Decision>().unwrap().outcome() == wire::Outcome::Allow
            };
            allows.extend(decisions.filter(allowed).map(|_| sequence));
        }
    }
    assert_eq!(kills.len(), 1, "one pause");
    assert!(allows.len() >= 50, "the load had been allowed");
    let after = allows
        .iter()
        .filter(|sequence| **sequence > kills[0])
        .count();
    assert_eq!(after, 0, "allows after the pause");
    assert!(
        receipt.to_string().contains(&kills[0].to_string()),
        "the receipt: {receipt}"
    );
}

/// The gate as it stands on the log.
pub(super) async fn gate(stack: &Stack) -> Vec<(u64, String, Vec<u8>)> {
    let read = |message: Message| {
        let sequence = message.info().unwrap().stream_sequence;
        (
            sequence,
            message.subject.to_string(),
            message.payload.to_vec(),
        )
    };
    let messages = stack.messages("EVT_GATE").await;
    messages.into_iter().map(read).collect()
}
