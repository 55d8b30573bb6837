//! From rows to the log, through every kind of death.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use writ_contract::Envelope;
use writ_pg::{FACT_BYTES, LogState, NotPublished, Outbox, PgError, Publish, Relay, append};
use writ_testkit::eventually;

use super::{SCHEMA, Store, event, id};

/// A log that remembers what it stored, deduplicates by id as JetStream does, and can hang after
/// it stored something, before it says so.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    attempts: Vec<Uuid>,
    stored: Vec<(String, u64, Uuid)>,
    /// Sequences of `stored` that are not there any more.
    lost: Vec<u64>,
    /// What comes again is stored again, as long after it was stored.
    forgot: bool,
    hang: bool,
    refuse: bool,
}

impl Publish for Log {
    async fn publish(&self, subject: &str, envelope: &Envelope) -> Result<u64, NotPublished> {
        let (seq, hang) = {
            let mut state = self.0.lock().unwrap();
            let event_id = envelope.event_id.0;
            state.attempts.push(event_id);
            if state.refuse {
                return Err(NotPublished("away".to_owned()));
            }
            let known = state.stored.iter().position(|(_, _, id)| *id == event_id);
            let known = known.filter(|_| !state.forgot);
            let seq = known.unwrap_or_else(|| {
                state
                    .stored
                    .push((subject.to_owned(), envelope.version, event_id));
                state.stored.len() - 1
            });
            (seq as u64 + 1, state.hang)
        };
        if hang {
            std::future::pending::<()>().await;
        }
        Ok(seq)
    }

    async fn state(&self, _: &str) -> Result<Option<LogState>, NotPublished> {
        let state = self.0.lock().unwrap();
        Ok(Some(LogState {
            created: DateTime::UNIX_EPOCH,
            last: state.stored.len() as u64,
            keeps: None,
            holes: state.lost.iter().map(|seq| *seq..=*seq).collect(),
            repeats_within: Duration::ZERO,
        }))
    }
}

struct Running {
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(outbox: &Outbox, log: &Log) -> Self {
        let cancel = CancellationToken::new();
        let relay = Relay::new(outbox.clone(), log.clone(), SCHEMA);
        let run = relay.run(cancel.clone());
        let task = tokio::task::spawn(async move { run.await.unwrap() });
        Self { cancel, task }
    }

    async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
        self.cancel.cancel();
    }
}

async fn commit(store: &Store, outbox: &Outbox, events: &[writ_pg::NewEvent]) -> writ_pg::Receipt {
    let mut tx = store.pools.api.begin(id(1)).await.unwrap();
    append(&mut tx, events).await.unwrap();
    let ids: Vec<Uuid> = events.iter().map(|e| e.envelope.event_id.0).collect();
    outbox.commit(tx, &ids).await.unwrap()
}

#[tokio::test]
async fn a_fact_too_large_for_the_log_is_not_committed() {
    let store = Store::fresh().await;
    let mut tx = store.pools.api.begin(id(1)).await.unwrap();
    let mut large = event(1, "a", 1);
    large.envelope.fact = vec![0; FACT_BYTES];
    let refused = append(&mut tx, &[large]).await.unwrap_err();
    assert!(matches!(refused, PgError::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn a_committed_fact_is_on_the_log_and_its_receipt_says_where() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    let relay = Running::start(&outbox, &log);
    let receipt = commit(&store, &outbox, &[event(1, "a", 1), event(2, "b", 1)]).await;
    assert_eq!(receipt.stored(Duration::from_secs(5)).await, Some(2));
    let unheard = Outbox::new(store.pools.writer.clone());
    let receipt = commit(&store, &unheard, &[event(3, "a", 2)]).await;
    assert_eq!(
        receipt.stored(Duration::from_secs(5)).await,
        Some(3),
        "told by the table"
    );
    relay.kill().await;
}

#[tokio::test]
async fn the_last_message_of_a_subject_is_its_highest_version() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    let events: Vec<_> = (1..=300).map(|n| event(n, "a", n as u64)).collect();
    let receipt = commit(&store, &outbox, &events).await;
    let relay = Running::start(&outbox, &log);
    assert!(receipt.stored(Duration::from_secs(20)).await.is_some());
    relay.kill().await;
    let stored = log.0.lock().unwrap();
    let versions: Vec<u64> = stored
        .stored
        .iter()
        .map(|(_, version, _)| *version)
        .collect();
    assert_eq!(versions, (1..=300).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_relay_killed_between_publish_and_mark_sends_the_same_id_again() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    log.0.lock().unwrap().hang = true;
    let relay = Running::start(&outbox, &log);
    let receipt = commit(&store, &outbox, &[event(7, "a", 1)]).await;
    eventually(Duration::from_secs(5), "the fact is stored", || async {
        let stored = log.0.lock().unwrap().stored.len();
        if stored == 1 { Ok(()) } else { Err(stored) }
    })
    .await;
    relay.kill().await;
    assert_eq!(
        receipt.stored(Duration::from_millis(200)).await,
        None,
        "nobody knows yet"
    );

    log.0.lock().unwrap().hang = false;
    let relay = Running::start(&outbox, &log);
    eventually(Duration::from_secs(5), "the fact is marked", || async {
        let mut tx = store.pools.writer.begin().await.unwrap();
        let sent: i64 = sqlx::query_scalar("select count(*) from events where sent_at is not null")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        if sent == 1 { Ok(()) } else { Err(sent) }
    })
    .await;
    relay.kill().await;
    let state = log.0.lock().unwrap();
    assert_eq!(state.attempts, [id(7), id(7)]);
    assert_eq!(state.stored.len(), 1);
}

#[tokio::test]
async fn facts_wait_while_the_log_is_away_and_two_relays_do_not_double_them() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    log.0.lock().unwrap().refuse = true;
    let relays = [Running::start(&outbox, &log), Running::start(&outbox, &log)];
    let receipt = commit(&store, &outbox, &[event(1, "a", 1), event(2, "a", 2)]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    log.0.lock().unwrap().refuse = false;
    assert!(receipt.stored(Duration::from_secs(5)).await.is_some());
    for relay in relays {
        relay.kill().await;
    }
    let stored: Vec<u64> = log.0.lock().unwrap().stored.iter().map(|s| s.1).collect();
    assert_eq!(stored, [1, 2]);
}

#[tokio::test]
async fn a_log_that_lost_its_end_gets_it_again_under_the_same_ids_and_in_order() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    let events: Vec<_> = (1..=6).map(|n| event(n, "a", n as u64)).collect();
    let relay = Running::start(&outbox, &log);
    let receipt = commit(&store, &outbox, &events).await;
    assert_eq!(receipt.stored(Duration::from_secs(10)).await, Some(6));
    relay.kill().await;
    let before = log.0.lock().unwrap().stored.clone();
    log.0.lock().unwrap().stored.truncate(2);
    let relay = Running::start(&outbox, &log);
    eventually(Duration::from_secs(10), "the log is whole", || async {
        let stored = log.0.lock().unwrap().stored.clone();
        if stored == before {
            Ok(())
        } else {
            Err(stored)
        }
    })
    .await;
    relay.kill().await;
    assert_eq!(
        log.0.lock().unwrap().attempts.len(),
        10,
        "only what was lost was sent again"
    );
}

#[tokio::test]
async fn a_log_that_lost_facts_from_its_middle_gets_them_again_and_ends_each_subject_as_before() {
    let store = Store::fresh().await;
    let (outbox, log) = (Outbox::new(store.pools.writer.clone()), Log::default());
    let events = [
        event(1, "a", 1),
        event(2, "a", 2),
        event(3, "b", 1),
        event(4, "a", 3),
        event(5, "c", 1),
    ];
    let relay = Running::start(&outbox, &log);
    for one in events {
        let receipt = commit(&store, &outbox, &[one]).await;
        assert!(receipt.stored(Duration::from_secs(10)).await.is_some());
    }
    relay.kill().await;
    {
        let mut state = log.0.lock().unwrap();
        (state.lost, state.forgot) = (vec![2, 3], true);
    }
    let relay = Running::start(&outbox, &log);
    eventually(Duration::from_secs(10), "the log is whole", || async {
        let after: Vec<Uuid> = log
            .0
            .lock()
            .unwrap()
            .stored
            .iter()
            .skip(5)
            .map(|it| it.2)
            .collect();
        let mut sorted = after.clone();
        sorted.sort_unstable();
        if sorted == [id(2), id(3), id(4)] {
            Ok(())
        } else {
            Err(after)
        }
    })
    .await;
    relay.kill().await;
    let state = log.0.lock().unwrap();
    let last = state
        .stored
        .iter()
        .rfind(|(subject, ..)| subject.ends_with(".a"));
    assert_eq!(last.map(|(_, version, _)| *version), Some(3));
}
