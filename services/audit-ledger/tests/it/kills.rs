//! `kill -9` of the ledger's process, of Postgres and of NATS in a random order, many times, while
//! decisions and management facts keep coming: nothing that was acknowledged is lost or doubled, and
//! nothing anybody was told has to be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use writ_chain::checkpoint::{global_origin, open};
use writ_chain::merkle::{Frontier, leaf_hash};
use writ_chain::verify::Class;
use writ_contract::OrgId;
use writ_testkit::{Nats, Postgres, Signal, eventually};

use crate::stage::{KEY_NAME, Process, SOON, Stage, checkpoint_key, org};

/// How many there are unless `WRIT_TEST_KILLS` says otherwise.
const KILLS: usize = 200;
const ORGS: usize = 2;
/// Long enough for what the last kill left to be caught up with on a busy machine.
const CAUGHT_UP: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Ledger,
    Postgres,
    Nats,
}

/// The same numbers on every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    async fn pause(&mut self, below_ms: u64) {
        sleep(Duration::from_millis(self.below(below_ms))).await;
    }

    /// 70 of the ledger, 65 of Postgres and 65 of NATS in 200, shuffled.
    fn order(&mut self, kills: usize) -> Vec<Victim> {
        let of = |n: usize| match n * 40 / kills.max(1) {
            0..14 => Victim::Ledger,
            14..27 => Victim::Postgres,
            _ => Victim::Nats,
        };
        let mut order: Vec<Victim> = (0..kills).map(of).collect();
        for last in (1..order.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap();
            order.swap(last, other);
        }
        order
    }
}

/// Publishes facts of an organisation until told to stop; the ids that were acknowledged.
async fn publish(stage: Arc<Stage>, org: OrgId, stop: Arc<AtomicBool>) -> (OrgId, Vec<Uuid>) {
    let mut acknowledged = Vec::new();
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let policies = stage.policies(org, round + 1, 1).await;
        acknowledged.extend(policies.into_iter().map(|id| id.0));
        let numbers: Vec<u64> = (round * 5 + 1..=round * 5 + 5).collect();
        let packed = stage.decisions(org, 1, &numbers).await;
        acknowledged.extend(packed.records.iter().map(|record| record.event_id.0));
        sleep(Duration::from_millis(25)).await;
    }
    (org, acknowledged)
}

/// The servers, and what was seen from outside.
struct Run {
    ledger: Process,
    postgres: Postgres,
    nats: Nats,
    numbers: Numbers,
    /// Every head of the global log that was served, by size.
    served: BTreeMap<u64, BTreeSet<String>>,
    /// How often the log was seen to have grown after a kill.
    grown: usize,
}

impl Run {
    async fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Ledger => {
                self.ledger.kill();
                self.numbers.pause(100).await;
                self.ledger.restart();
            }
            Victim::Postgres => {
                self.postgres.signal(Signal::Kill);
                self.numbers.pause(100).await;
                self.postgres.restart();
            }
            Victim::Nats => {
                self.nats.signal(Signal::Kill);
                self.numbers.pause(100).await;
                self.nats.restart();
            }
        }
    }

    /// Mostly until something more is sealed, so that the next kill meets a ledger at work; now and
    /// then only a moment, so that it meets one that is finding its feet.
    async fn go_on(&mut self) {
        if self.numbers.below(3) == 0 {
            return self.numbers.pause(250).await;
        }
        let before = self.look().unwrap_or_default();
        let until = Instant::now() + SOON;
        while Instant::now() < until {
            if self.look().is_some_and(|size| size > before) {
                self.grown += 1;
                return self.numbers.pause(100).await;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("nothing is sealed any more:\n{}", self.ledger.log());
    }

    /// The size of the global log as it is served; the largest that was when nobody answers.
    fn look(&mut self) -> Option<u64> {
        if let Some(note) = self.ledger.get("/checkpoint") {
            let head = open(&note, &[checkpoint_key()]).unwrap();
            let size = head.checkpoint().size;
            self.served.entry(size).or_default().insert(note);
        }
        self.served.keys().next_back().copied()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_nothing_is_lost_doubled_or_taken_back() {
    let kills = std::env::var("WRIT_TEST_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let (nats, postgres) = (Nats::own().await, Postgres::own().await);
    let stage = Arc::new(Stage::set(&nats, &postgres).await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut publishing = JoinSet::new();
    for _ in 0..ORGS {
        publishing.spawn(publish(stage.clone(), org(), stop.clone()));
    }
    let mut run = Run {
        ledger: Process::start(&stage),
        postgres,
        nats,
        numbers: Numbers(7243),
        served: BTreeMap::new(),
        grown: 0,
    };
    let (started, mut counts) = (Instant::now(), BTreeMap::new());
    for victim in run.numbers.order(kills) {
        run.go_on().await;
        run.kill(victim).await;
        *counts.entry(victim).or_insert(0_usize) += 1;
    }
    let took = started.elapsed();
    stop.store(true, Ordering::SeqCst);
    let acknowledged: BTreeMap<Uuid, Vec<Uuid>> = publishing
        .join_all()
        .await
        .into_iter()
        .map(|(org, ids)| (org.0, ids))
        .collect();
    let facts: usize = acknowledged.values().map(Vec::len).sum();
    let mut sealed = 0;
    for (org, ids) in acknowledged {
        sealed += exactly(&stage, OrgId(org), ids).await;
    }
    run.look();
    consistent(&stage, &run.served).await;
    assert!(run.grown * 2 >= kills, "the ledger worked between kills");
    println!(
        "{counts:?} killed in {took:?}: {facts} facts acknowledged, 0 lost, 0 doubled; {sealed} \
         checkpoints told of and {} global heads served, all consistent",
        run.served.len()
    );
}

/// Every acknowledged fact is one entry and there are no others, so no hole either; all that was said
/// of them verifies. How many checkpoints that was.
async fn exactly(stage: &Stage, org: OrgId, mut ids: Vec<Uuid>) -> usize {
    let count = i64::try_from(ids.len()).unwrap();
    eventually(CAUGHT_UP, "all of it is sealed", || async {
        let mut sql = stage.sql().await;
        let size: i64 = sqlx::query_scalar(
            "select coalesce(max(size), 0) from ledger.checkpoints where org_id = $1",
        )
        .bind(org.0)
        .fetch_one(&mut sql)
        .await
        .unwrap();
        if size >= count {
            Ok(())
        } else {
            Err((size, count))
        }
    })
    .await;
    let mut found: Vec<Uuid> =
        sqlx::query_scalar("select event_id from ledger.entries where org_id = $1")
            .bind(org.0)
            .fetch_all(&mut stage.sql().await)
            .await
            .unwrap();
    ids.sort_unstable();
    found.sort_unstable();
    assert!(
        ids == found,
        "{} acknowledged, {} entries",
        ids.len(),
        found.len()
    );
    // The last `sealed` fact may be on its way to the log still.
    let told = eventually(SOON, "the last head is told of", || async {
        let told = stage.seals(org).await;
        let whole = told
            .iter()
            .any(|(_, sealed)| i64::try_from(sealed.size) == Ok(count));
        if whole {
            Ok(told.len())
        } else {
            Err(told.len())
        }
    })
    .await;
    let report = stage.verify_told(org).await;
    assert_eq!((report.class(), report.findings), (Class::Clean, vec![]));
    told
}

/// Each head that was served is the one head of its size, and the intervals that are kept add up to it.
async fn consistent(stage: &Stage, served: &BTreeMap<u64, BTreeSet<String>>) {
    let intervals: Vec<Vec<u8>> =
        sqlx::query_scalar("select interval_root from ledger.global_log order by index")
            .fetch_all(&mut stage.sql().await)
            .await
            .unwrap();
    assert!(served.keys().next_back() <= Some(&(intervals.len() as u64)));
    let mut tree = Frontier::default();
    for interval in intervals {
        tree.append(leaf_hash(&interval));
        for note in served.get(&tree.size()).into_iter().flatten() {
            let head = open(note, &[checkpoint_key()]).unwrap();
            assert_eq!(head.checkpoint().root, tree.root(), "size {}", tree.size());
            assert_eq!(head.checkpoint().origin, global_origin(KEY_NAME));
        }
    }
}
