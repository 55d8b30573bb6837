//! Leased work and fenced resume points.

use std::time::Duration;

use chrono::{DateTime, Utc};
use writ_eventlog::Position;
use writ_pg::{Fence, PgError, Queue};

use super::Store;

const LEASE: Duration = Duration::from_secs(30);

fn at(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + secs, 0).unwrap()
}

async fn with_work(count: i64) -> (Store, Queue) {
    let store = Store::fresh().await;
    let mut tx = store.pools.writer.begin().await.unwrap();
    for n in 0..count {
        sqlx::query("insert into work (name, due_at) values ($1, $2)")
            .bind(format!("w{n}"))
            .bind(at(n))
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let queue = Queue::new(store.pools.writer.clone(), "work");
    (store, queue)
}

#[tokio::test]
async fn work_is_leased_once_and_only_when_due() {
    let (_store, queue) = with_work(3).await;
    let first = queue.claim(10, at(1), LEASE).await.unwrap();
    assert_eq!(first.len(), 2, "the third is not due");
    assert!(queue.claim(10, at(1), LEASE).await.unwrap().is_empty());
    assert_eq!(queue.claim(10, at(2), LEASE).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_lease_cannot_settle_the_work() {
    let (store, queue) = with_work(1).await;
    let slow = queue.claim(1, at(0), LEASE).await.unwrap().pop().unwrap();
    let taken_over = queue.claim(1, at(31), LEASE).await.unwrap().pop().unwrap();
    assert_eq!((slow.attempt, taken_over.attempt), (1, 2));
    let mut tx = store.pools.writer.begin().await.unwrap();
    assert!(!queue.complete(&mut tx, &slow, at(32)).await.unwrap());
    assert!(queue.retry_at(&mut tx, &taken_over, at(100)).await.unwrap());
    tx.commit().await.unwrap();
    assert!(queue.claim(1, at(99), LEASE).await.unwrap().is_empty());
    let third = queue.claim(1, at(100), LEASE).await.unwrap().pop().unwrap();
    let mut tx = store.pools.writer.begin().await.unwrap();
    assert!(queue.complete(&mut tx, &third, at(101)).await.unwrap());
    tx.commit().await.unwrap();
    assert!(queue.claim(1, at(10_000), LEASE).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_writer_that_was_replaced_cannot_move_the_resume_point() {
    let store = Store::fresh().await;
    let position = |seq| Position {
        stream: "EVT_CONTROL".to_owned(),
        created: at(0),
        seq,
        event_id: format!("e{seq}"),
    };
    let pool = &store.pools.writer;
    let (old, none) = Fence::acquire(pool, "p", 0).await.unwrap();
    assert_eq!(none, None);
    let mut tx = pool.begin().await.unwrap();
    old.save(&mut tx, &position(5)).await.unwrap();
    tx.commit().await.unwrap();

    let (new, found) = Fence::acquire(pool, "p", 0).await.unwrap();
    assert_eq!(found, Some(position(5)));
    let mut tx = pool.begin().await.unwrap();
    let fenced = old.save(&mut tx, &position(6)).await.unwrap_err();
    assert!(matches!(fenced, PgError::Fenced { .. }));
    drop(tx);
    let mut tx = pool.begin().await.unwrap();
    new.reset(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(Fence::acquire(pool, "p", 0).await.unwrap().1, None);
}
