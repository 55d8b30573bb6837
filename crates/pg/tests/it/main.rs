//! The crate against a real Postgres.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a helper that fails is a test that fails"
)]

mod claims;
mod queue;
mod relay;
mod start;
mod tenants;

use sqlx::migrate::Migrator;
use uuid::Uuid;
use writ_contract::envelope::Audit;
use writ_contract::fact::{Fact, Kind};
use writ_contract::{Envelope, EventId, OrgId, wire};
use writ_pg::{NewEvent, PgConfig, Pools, StoreUrl, migrate};
use writ_testkit::{Db, Postgres};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/it/migrations");
const SCHEMA: &str = "control";

/// A database with the schema in it.
struct Store {
    db: Db,
    pools: Pools,
}

impl Store {
    async fn fresh() -> Self {
        let db = Postgres::shared().await.fresh_database().await;
        migrate(
            &StoreUrl::new(&db.owner_url),
            SCHEMA,
            "control",
            &MIGRATIONS,
        )
        .await
        .unwrap();
        let config = PgConfig {
            api_url: StoreUrl::new(db.url_for("control_api")),
            writer_url: StoreUrl::new(db.url_for("control_writer")),
            ..PgConfig::default()
        };
        let pools = Pools::new(&config, SCHEMA).unwrap();
        Self { db, pools }
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A fact about agent `aggregate` of organisation 1.
fn event(event_id: u128, aggregate: &str, version: u64) -> NewEvent {
    let fact = wire::Agent {
        name: aggregate.to_owned(),
        ..wire::Agent::default()
    };
    let envelope = Envelope {
        event_id: EventId(id(event_id)),
        kind: Kind::of::<wire::Agent>("registered"),
        org: OrgId(id(1)),
        aggregate_id: aggregate.to_owned(),
        version,
        occurred_at_us: 1_700_000_000_000_000,
        audit: Audit::default(),
        fact: prost_bytes(&fact),
        traceparent: String::new(),
    };
    NewEvent {
        subject: format!("t.evt.control.{}.{aggregate}", wire::Agent::AGGREGATE),
        envelope,
    }
}

fn prost_bytes(fact: &impl Fact) -> Vec<u8> {
    fact.encode_to_vec()
}
