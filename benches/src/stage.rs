//! A log with one organisation, agent and key on it, and the policies the benchmark decides by.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::Client;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_access::key::mac;
use writ_access::{ApiKey, Pepper, Prefix};
use writ_contract::{Audit, Envelope, EventId, Fact, Kind, OrgId, Service, Topology, wire};
use writ_enforcement::Config;
use writ_eventlog::{EventLog, LogConfig, Owners, Signer, StreamSettings, assert_streams};
use writ_pg::{PgConfig, StoreUrl};
use writ_service_kit::config::Secret;

const PEPPER: &str = "the benchmark's pepper, which is no secret";
const ORG: OrgId = OrgId(Uuid::from_u128(0x5));
const SEED: [u8; 32] = [9; 32];

/// The agent that is paused.
pub(crate) const PROBE: &str = "probe-bot";

/// States everything and returns the key to call with.
pub(crate) async fn set(client: &Client, policies: usize) -> anyhow::Result<String> {
    let topology = Topology::default();
    assert_streams(client, &topology, StreamSettings::default()).await?;
    let control = Signer::new(Service::Control, SEED);
    let log = EventLog::new(client.clone(), topology, control, Owners::default());
    let key = ApiKey::generate(Prefix::Live, [7; 32]);
    let org = wire::Organization {
        org_id: ORG.to_bytes(),
        ..Default::default()
    };
    state(&log, "org", "created", &org).await?;
    let fact = wire::ApiKey {
        key_id: vec![1; 16],
        public_id: key.public_id().to_owned(),
        mac: mac(&Pepper::new(PEPPER)?, key.expose()).to_vec(),
        role: "developer".to_owned(),
        ..Default::default()
    };
    state(&log, "key", "issued", &fact).await?;
    for (number, name) in [(2, "bench-bot"), (3, PROBE)] {
        let agent = wire::Agent {
            agent_id: vec![number; 16],
            external_id: name.to_owned(),
            environment: "production".to_owned(),
            ..Default::default()
        };
        state(&log, name, "registered", &agent).await?;
    }
    for number in 0..policies {
        state(&log, &number.to_string(), "created", &policy(number)).await?;
    }
    Ok(key.expose().to_owned())
}

/// A mixed set: one detector of each kind, patterns, the rest conditions and tool rules.
fn policy(number: usize) -> wire::Policy {
    let (policy_type, mode, rule): (_, _, Value) = match number {
        0 => ("injection_scan", "block", json!({"patterns": patterns()})),
        1 => (
            "pii_access",
            "monitor",
            json!({"denied_pii_types": ["credit_card", "email"]}),
        ),
        2 => (
            "cost_limit",
            "block",
            json!({"max_cost_per_execution": 5.0}),
        ),
        n if n % 2 == 0 => {
            let denied = format!("shell{n}.*");
            (
                "tool_invocation",
                "block",
                json!({"denied_tools": [denied]}),
            )
        }
        n => {
            let condition = format!("cost > {n}.5 && environment == 'production'");
            ("expression", "block", json!({"expression": condition}))
        }
    };
    wire::Policy {
        policy_id: Uuid::from_u128(number as u128 + 1).as_bytes().to_vec(),
        name: format!("policy {number}"),
        policy_type: policy_type.to_owned(),
        enforcement_mode: mode.to_owned(),
        rule_definition: rule.to_string(),
        is_active: true,
        evaluation_order: 100,
        severity: "high".to_owned(),
        ..Default::default()
    }
}

fn patterns() -> Vec<String> {
    (0..56)
        .map(|n| format!("forbidden phrase number {n}\\b"))
        .collect()
}

async fn state<F: Fact>(log: &EventLog, key: &str, verb: &str, fact: &F) -> anyhow::Result<()> {
    let envelope = Envelope {
        event_id: EventId(Uuid::now_v7()),
        kind: Kind::of::<F>(verb),
        org: ORG,
        aggregate_id: key.to_owned(),
        version: 1,
        occurred_at_us: 1,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    };
    let subject = log.topology().fact::<F>(ORG, key);
    let stored = log
        .publish_fact(&subject, &envelope, None, Duration::from_secs(5))
        .await;
    stored.map(drop).context("the log does not take a fact")
}

/// The service's settings.
pub(crate) fn config(dir: &Path) -> Config {
    let mut config = Config {
        log: log(),
        ..Config::default()
    };
    config.access.key_pepper = Secret::new(PEPPER);
    config.digest_key = Secret::new("11".repeat(32));
    config.sealing.key = Secret::new("22".repeat(32));
    config.spool_dir = dir.join("spool");
    config.access.limits.enforce_per_minute = 0;
    config
}

/// The settings of control; there is no Postgres for it.
pub(crate) fn control() -> writ_control::Config {
    let nowhere = || StoreUrl::new("postgres://nobody@127.0.0.1:1/nothing");
    let mut config = writ_control::Config {
        store: PgConfig {
            api_url: nowhere(),
            writer_url: nowhere(),
            ..PgConfig::default()
        },
        log: log(),
        ..writ_control::Config::default()
    };
    config.access.key_pepper = Secret::new(PEPPER);
    config.digest_key = Secret::new("11".repeat(32));
    config.sealing.key = Secret::new("22".repeat(32));
    config
}

fn log() -> LogConfig {
    let public = |service| hex::encode(Signer::new(service, SEED).public_key());
    let keys = Service::ALL.map(|service| (service.name().to_owned(), public(service)));
    LogConfig {
        signing_seed: hex::encode(SEED),
        owner_keys: keys.into(),
    }
}
