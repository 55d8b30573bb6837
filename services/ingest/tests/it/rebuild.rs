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
