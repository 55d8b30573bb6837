//! Policies that ask validators, and validators of every kind.

use std::io::Write;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;
use writ_contract::{ValidatorId, wire};
use writ_enforcement::Config;
use writ_seal::Sealer;

use crate::others::Others;
use crate::stage::{Replica, Stage, ask};

const SECRET: &str = "the customer's own secret";

fn id(n: u128) -> ValidatorId {
    ValidatorId(Uuid::from_u128(n))
}

fn fact(stage: &Stage, n: u128, url: &str, fail_mode: &str) -> wire::Validator {
    let sealer = Sealer::new("k1", [("k1".to_owned(), [0x22; 32])].into()).unwrap();
    let place = wire::Validator::place(stage.org, id(n));
    let sealed = sealer.seal(SECRET, &place, [1; 12]).unwrap();
    wire::Validator {
        validator_id: id(n).to_bytes(),
        name: format!("validator {n}"),
        url: url.to_owned(),
        timeout_ms: 400,
        fail_mode: fail_mode.to_owned(),
        key_id: sealed.key_id,
        nonce: sealed.nonce.to_vec(),
        sealed_secret: sealed.bytes,
        deleted: false,
    }
}

/// A validator and a policy of the same number that asks it about the tool of that number.
async fn asking(stage: &Stage, n: u128, url: &str, fail_mode: &str, mode: &str) {
    let fact = fact(stage, n, url, fail_mode);
    stage.state(&format!("v{n}"), 1, "registered", &fact).await;
    let rule = json!({"validator_id": id(n).to_string(), "only_tools": [format!("t{n}")]});
    stage.policy(n, "custom_validator", mode, rule).await;
}

fn local(stage: &Stage) -> Config {
    let mut config = stage.config(0);
    config.validators.allow_http = true;
    config.validators.allow_internal = true;
    config
}

async fn act(replica: &Replica, stage: &Stage, tools: &[u128]) -> (StatusCode, Value) {
    let mut request = ask("refund 12 to ann");
    request["tools"] = tools.iter().map(|n| format!("t{n}")).collect();
    request["metadata"] = json!({"order": 7});
    request["estimatedCost"] = json!(0.25);
    replica.call(&stage.key, request).await
}

#[tokio::test]
async fn a_validator_is_told_about_the_act_under_a_signature_it_can_check() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    asking(
        &stage,
        1,
        &format!("{}/allow", others.url),
        "closed",
        "block",
    )
    .await;
    let replica = stage.replica_with(local(&stage)).await;
    let (status, body) = act(&replica, &stage, &[1]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let seen = others.seen();
    assert_eq!(seen.len(), 1);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&seen[0].body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(seen[0].header("x-execlave-signature"), signature);
    assert_eq!(seen[0].header("x-execlave-validator-id"), id(1).to_string());
    assert!(
        seen[0]
            .header("x-execlave-timestamp")
            .parse::<u64>()
            .unwrap()
            > 1_700_000_000
    );
    assert!(Uuid::try_parse(seen[0].header("x-execlave-delivery-id")).is_ok());
    let mut told = seen[0].json();
    let timestamp = told["timestamp"].take();
    assert!(timestamp.as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "organizationId": stage.org.to_string(),
        "agentId": crate::stage::AGENT.to_string(),
        "agentName": "Bot",
        "environment": "production",
        "input": "refund 12 to ann",
        "tools": ["t1"],
        "metadata": {"order": 7},
        "estimatedCost": 0.25,
        "timestamp": null,
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn its_answer_is_a_hit_in_the_policys_mode() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    let url = |how: &str| format!("{}/{how}", others.url);
    asking(&stage, 1, &url("deny"), "closed", "block").await;
    asking(&stage, 2, &url("deny"), "closed", "warn").await;
    asking(&stage, 3, &url("approval"), "closed", "warn").await;
    let replica = stage.replica_with(local(&stage)).await;
    let (status, body) = act(&replica, &stage, &[1]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let violation = &body["violations"][0];
    assert_eq!(violation["policyType"], "custom_validator");
    assert_eq!(
        violation["message"],
        "the validator refuses it: not [31m on my watch"
    );
    for n in [2, 3] {
        let (status, body) = act(&replica, &stage, &[n]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["warnings"][0]["enforcementMode"], "warn");
    }
}

/// (who is asked, what is wrong with it)
async fn useless(others: &Others) -> Vec<String> {
    let mut urls = vec![Others::closed().await, Others::silent().await];
    for how in ["nonsense", "status", "redirect", "huge", "slow"] {
        urls.push(format!("{}/{how}", others.url));
    }
    urls
}

#[tokio::test]
async fn no_usable_answer_denies_or_warns_as_the_fail_mode_and_the_mode_say() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    let mut cases = Vec::new();
    for url in useless(&others).await {
        for fail_mode in ["closed", "open"] {
            for mode in ["block", "require_approval", "warn", "monitor"] {
                cases.push((url.clone(), fail_mode, mode));
            }
        }
    }
    for (n, (url, fail_mode, mode)) in (1..).zip(&cases) {
        asking(&stage, n, url, fail_mode, mode).await;
    }
    let replica = stage.replica_with(local(&stage)).await;
    for (n, (url, fail_mode, mode)) in (1..).zip(&cases) {
        let case = format!("{url} {fail_mode} {mode}");
        let (status, body) = act(&replica, &stage, &[n]).await;
        let denies = *fail_mode == "closed" && ["block", "require_approval"].contains(mode);
        if denies {
            assert_eq!(status, StatusCode::FORBIDDEN, "{case}");
            assert_eq!(body["violations"][0]["enforcementMode"], "block", "{case}");
        } else {
            assert_eq!(status, StatusCode::OK, "{case}");
            let noted = if *mode == "monitor" {
                "monitor"
            } else {
                "warn"
            };
            assert_eq!(body["warnings"][0]["enforcementMode"], noted, "{case}");
        }
    }
    let followed = others.seen().iter().any(|seen| seen.path == "allow");
    assert!(!followed, "a redirect was followed");
}

#[tokio::test]
async fn one_that_is_unknown_deleted_or_unreadable_fails_closed() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    let url = format!("{}/allow", others.url);
    asking(&stage, 1, &url, "open", "block").await;
    let deleted = wire::Validator {
        validator_id: id(1).to_bytes(),
        deleted: true,
        ..wire::Validator::default()
    };
    stage.state("v1", 2, "deleted", &deleted).await;
    let rule = json!({"validator_id": id(99).to_string(), "only_tools": ["t2"]});
    stage.policy(2, "custom_validator", "block", rule).await;
    let moved = wire::Validator {
        validator_id: id(3).to_bytes(),
        ..fact(&stage, 1, &url, "closed")
    };
    stage.state("v3", 1, "registered", &moved).await;
    let rule = json!({"validator_id": id(3).to_string(), "only_tools": ["t3"]});
    stage.policy(3, "custom_validator", "block", rule).await;
    let replica = stage.replica_with(local(&stage)).await;
    for n in [1, 2, 3] {
        let (status, body) = act(&replica, &stage, &[n]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    }
    assert!(others.seen().is_empty());
}

#[tokio::test]
async fn a_loopback_address_is_not_called_in_production() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    asking(
        &stage,
        1,
        &format!("{}/allow", others.url),
        "closed",
        "block",
    )
    .await;
    let mut config = stage.config(0);
    config.validators.allow_http = true;
    let replica = stage.replica_with(config).await;
    let (status, _) = act(&replica, &stage, &[1]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(others.seen().is_empty());
}

/// Each waits for the other: asked one after the other, neither would answer in time.
#[tokio::test]
async fn all_validators_of_an_act_are_asked_at_once() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    let url = format!("{}/both", others.url);
    asking(&stage, 1, &url, "closed", "block").await;
    asking(&stage, 2, &url, "closed", "block").await;
    let replica = stage.replica_with(local(&stage)).await;
    let (status, body) = act(&replica, &stage, &[1, 2]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn nobody_is_asked_twice_for_one_act_or_at_all_when_it_is_refused_anyway() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    asking(
        &stage,
        1,
        &format!("{}/allow", others.url),
        "closed",
        "block",
    )
    .await;
    let same = json!({"validator_id": id(1).to_string(), "only_tools": ["t1"]});
    stage.policy(2, "custom_validator", "warn", same).await;
    let rule = json!({"denied_tools": ["t9"]});
    stage.policy(3, "tool_invocation", "block", rule).await;
    let replica = stage.replica_with(local(&stage)).await;
    let (status, _) = act(&replica, &stage, &[1, 9]).await;
    assert_eq!((status, others.seen().len()), (StatusCode::FORBIDDEN, 0));
    let (status, _) = act(&replica, &stage, &[1]).await;
    assert_eq!((status, others.seen().len()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn a_large_act_is_put_to_a_validator_too() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    asking(&stage, 1, &format!("{}/deny", others.url), "open", "block").await;
    let replica = stage.replica_with(local(&stage)).await;
    let long = "a quiet day at the office. ".repeat(8 * 1024);
    let mut request = ask(&long);
    request["tools"] = json!(["t1"]);
    let (status, body) = replica.call(&stage.key, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(others.seen()[0].json()["input"], long);
}

/// The fence was read before the state, so what a validator allowed meanwhile cannot be recorded.
#[tokio::test]
async fn a_pause_while_a_validator_thinks_refuses_the_act() {
    let (stage, others) = (Stage::new().await, Others::start().await);
    let url = format!("{}/both", others.url);
    asking(&stage, 1, &url, "open", "block").await;
    let replica = stage.replica_with(local(&stage)).await;
    let pausing = async {
        while others.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        stage.pause(1, 0).await;
        others.release().await;
    };
    let ((status, body), ()) = tokio::join!(act(&replica, &stage, &[1]), pausing);
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(body["violations"][0]["policyType"], "kill_switch");
    assert_eq!(others.seen().len(), 1);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Alone in its process, as every test is under nextest, because the subscriber is global.
#[tokio::test]
async fn no_log_line_shows_a_secret_or_what_was_judged() {
    let lines = Lines::default();
    let writer = lines.clone();
    let logs = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone());
    logs.init();
    let (stage, others) = (Stage::new().await, Others::start().await);
    for (n, how) in [(1, "allow"), (2, "status"), (3, "slow")] {
        asking(
            &stage,
            n,
            &format!("{}/{how}", others.url),
            "closed",
            "warn",
        )
        .await;
    }
    let replica = stage.replica_with(local(&stage)).await;
    let (status, _) = act(&replica, &stage, &[1, 2, 3]).await;
    assert_eq!(status, StatusCode::OK);
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a validator gave no usable answer"));
    assert!(!logged.contains(SECRET) && !logged.contains("refund 12 to ann"));
}
