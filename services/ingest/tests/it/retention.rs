//! What an organisation does not keep.

use writ_contract::wire;

use crate::decisions::{decision, record};
use crate::fixture::{Fixture, Org, start, trace};

/// A trace and a decision of now, and the same ten days ago.
async fn happened(fixture: &Fixture, org: &Org, n: u128) {
    fixture.agent(org, n, "agent-1").await;
    fixture.send(org, &[trace(&format!("t{n}"))]).await;
    record(fixture, org, &[decision(n, wire::Outcome::Allow)]).await;
    let of_org = format!("WHERE org_id = '{}'", org.id);
    let counts = async |table: &str| {
        let sql = format!("SELECT count() FROM {table} {of_org}");
        fixture.counts(&sql, 1).await;
    };
    counts("traces").await;
    counts("decisions").await;
    let earlier = "timestamp - INTERVAL 10 DAY AS timestamp";
    fixture
        .statement(&format!(
            "INSERT INTO trace_rows SELECT * REPLACE('old' AS trace_id, {earlier}, \
             received_at - INTERVAL 10 DAY AS received_at) FROM trace_rows {of_org}"
        ))
        .await;
    fixture
        .statement(&format!(
            "INSERT INTO decision_rows SELECT * REPLACE('dec_old' AS decision_id, {earlier}) \
             FROM decision_rows {of_org}"
        ))
        .await;
}

#[tokio::test]
async fn what_is_older_than_an_organisation_keeps_is_deleted_and_still_counted() {
    let fixture = start().await;
    happened(&fixture, &fixture.org, 7).await;
    happened(&fixture, &fixture.other, 8).await;
    fixture.counts("SELECT count() FROM traces", 4).await;
    fixture.retention(&fixture.org, 2, 7).await;

    let own = |table: &str| {
        let org = fixture.org.id;
        format!("SELECT count() FROM {table} WHERE org_id = '{org}'")
    };
    fixture.counts(&own("traces"), 1).await;
    fixture.counts(&own("decisions"), 1).await;
    fixture.counts("SELECT count() FROM traces", 3).await;
    fixture.counts("SELECT count() FROM decisions", 3).await;
    let counted = "SELECT toUInt64(sum(traces)) FROM trace_days FINAL";
    fixture.counts(counted, 1).await;
    let late = "SELECT count() FROM traces WHERE trace_id = 'old'";
    assert_eq!(fixture.number(late).await, Ok(1), "the other's stays");
}
