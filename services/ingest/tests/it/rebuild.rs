//! Within the 48 h that the streams keep, the tables can be made anew and are the ones that were.

use http::StatusCode;
use writ_contract::wire;

use crate::decisions::{decision, record};
use crate::fixture::{Fixture, start, trace};

/// A number that any difference in any column of any row changes.
async fn content(fixture: &Fixture, view: &str) -> u64 {
    let sql = format!("SELECT ifNull(sum(cityHash64(toString(tuple(*)))), 0) FROM {view}");
    fixture.number(&sql).await.unwrap()
}

async fn complete(fixture: &Fixture) -> [u64; 2] {
    fixture.counts("SELECT count() FROM traces", 20).await;
    fixture.counts("SELECT count() FROM decisions", 3).await;
    [
        content(fixture, "traces").await,
        content(fixture, "decisions").await,
    ]
}

#[tokio::test]
async fn tables_made_anew_from_the_log_are_the_live_ones() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    let traces: Vec<_> = (0..20).map(|n| trace(&format!("tr_{n}"))).collect();
    for _ in 0..2 {
        let (status, body) = fixture.send(&fixture.org, &traces).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    }
    let made = [
        decision(1, wire::Outcome::Deny),
        decision(2, wire::Outcome::Allow),
        decision(3, wire::Outcome::Hold),
    ];
    record(&fixture, &fixture.org, &made).await;
    let live = complete(&fixture).await;
    assert!(live.iter().all(|content| *content != 0));
    fixture.rebuild().await;
    assert_eq!(complete(&fixture).await, live);
}

#[tokio::test]
async fn tables_of_an_older_release_gain_the_columns_they_miss() {
    let mut fixture = start().await;
    fixture.agent(&fixture.org, 7, "agent-1").await;
    fixture.send(&fixture.org, &[trace("before")]).await;
    fixture.counts("SELECT count() FROM traces", 1).await;
    for older in [
        "DROP VIEW traces",
        "ALTER TABLE trace_rows DROP COLUMN tier, DROP COLUMN parent_decision_id",
        "CREATE VIEW traces AS SELECT * FROM trace_rows FINAL",
        "DROP VIEW decisions",
        "ALTER TABLE decision_rows DROP COLUMN tier, DROP COLUMN user_digest",
        "CREATE VIEW decisions AS SELECT * FROM decision_rows FINAL",
    ] {
        fixture.statement(older).await;
    }
    fixture.restart().await;
    let mut sent = trace("after");
    sent["tier"] = "api".into();
    fixture.send(&fixture.org, &[sent]).await;
    let made = decision(1, wire::Outcome::Allow);
    record(&fixture, &fixture.org, &[made]).await;
    let tiers = "SELECT count() FROM traces WHERE tier = if(trace_id = 'after', 'api', '')";
    fixture.counts(tiers, 2).await;
    let unnamed = "SELECT count() FROM decisions WHERE user_digest = ''";
    fixture.counts(unnamed, 1).await;
}
