//! Whatever dies under load: no acknowledged fact is lost or doubled, and every checkpoint anybody
//! was told of stays true.

use std::time::Duration;

use tokio::time::Instant;
use writ_chain::verify::Class;
use writ_contract::OrgId;
use writ_testkit::{Nats, Postgres, Signal};

use crate::stage::{Stage, org};

/// Publishes facts and packed records, numbered densely.
#[derive(Default)]
struct Load {
    facts: u64,
    decisions: u64,
}

impl Load {
    async fn run(&mut self, stage: &Stage, org: OrgId, life: Duration) {
        let until = Instant::now() + life;
        while Instant::now() < until {
            stage.policies(org, self.facts + 1, 1).await;
            self.facts += 1;
            let next = self.decisions + 1..=self.decisions + 20;
            stage.decisions(org, 1, &next.collect::<Vec<_>>()).await;
            self.decisions += 20;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until everything is sealed, once, without a hole, under consistent checkpoints.
    async fn check(&self, stage: &Stage, org: OrgId) {
        let all = i64::try_from(self.facts + self.decisions).unwrap();
        stage.sealed(org, all).await;
        let report = stage.verify_told(org).await;
        assert_eq!((report.class(), report.findings), (Class::Clean, vec![]));
    }
}

#[tokio::test]
async fn the_service_killed_again_and_again() {
    let mut stage = Stage::running().await;
    let org = org();
    stage.stop().await;
    let mut load = Load::default();
    for round in 0..25 {
        let doomed = stage.start_doomed();
        load.run(&stage, org, Duration::from_millis(60 + round * 37 % 500))
            .await;
        doomed.shutdown_background();
    }
    stage.start().await;
    load.check(&stage, org).await;
}

#[tokio::test]
async fn the_store_killed_and_halted_under_load() {
    let postgres = Postgres::own().await;
    let stage = Stage::on(&Nats::shared().await, &postgres).await;
    let org = org();
    let mut load = Load::default();
    for round in 0..6u64 {
        load.run(&stage, org, Duration::from_millis(200 + round * 50))
            .await;
        if round % 2 == 0 {
            postgres.signal(Signal::Kill);
            load.run(&stage, org, Duration::from_millis(200)).await;
            postgres.restart();
        } else {
            postgres.signal(Signal::Stop);
            load.run(&stage, org, Duration::from_millis(500)).await;
            postgres.signal(Signal::Cont);
        }
    }
    load.check(&stage, org).await;
}

#[tokio::test]
async fn the_broker_killed_under_load() {
    let nats = Nats::own().await;
    let stage = Stage::on(&nats, &Postgres::shared().await).await;
    let org = org();
    let mut load = Load::default();
    for round in 0..4 {
        load.run(&stage, org, Duration::from_millis(200 + round * 50))
            .await;
        nats.signal(Signal::Kill);
        tokio::time::sleep(Duration::from_millis(200)).await;
        nats.restart();
    }
    load.run(&stage, org, Duration::from_millis(200)).await;
    load.check(&stage, org).await;
}

#[tokio::test]
async fn a_store_set_back_under_a_running_writer_is_noticed_and_loses_nothing() {
    let stage = Stage::running().await;
    let org = org();
    stage.policies(org, 1, 5).await;
    stage.sealed(org, 5).await;
    let mut sql = stage.sql().await;
    // As a failover to a copy that lags would leave it.
    let back = "set session_replication_role = replica;
        delete from ledger.entries; delete from ledger.places; delete from ledger.tiles;
        delete from ledger.trees; delete from ledger.numbering;
        delete from ledger.checkpoints; delete from ledger.global_log; delete from ledger.events;
        update ledger.positions set seq = null where partition < 1000";
    sqlx::raw_sql(back).execute(&mut sql).await.unwrap();
    stage.policies(org, 6, 5).await;
    stage.sealed(org, 10).await;
    assert_eq!(stage.verify(org).await.findings, []);
}
