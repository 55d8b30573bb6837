//! Each store away for a while under load: what was acknowledged is there, and it goes on by itself.

use std::time::Duration;

use super::load::{Load, nothing_was_lost};
use super::processes::{Process, descendants, signal};
use crate::stack::Stack;

const AWAY: Duration = Duration::from_secs(4);

fn of_store(stack: &Stack, word: &str) -> Vec<Process> {
    let found: Vec<_> = descendants(stack)
        .into_iter()
        .filter(|p| p.command.contains(word))
        .collect();
    assert!(!found.is_empty(), "{word} runs below the stack");
    found
}

#[tokio::test]
async fn each_store_is_away_for_a_while_and_nothing_is_lost() {
    let stack = Stack::start().await;
    stack.agent("bot").await;
    let load = Load::start(&stack, 4);
    load.goes_on(20, "the start").await;
    for store in ["clickhouse", "postgres", "nats-server"] {
        let processes = of_store(&stack, store);
        signal(&processes, "STOP");
        tokio::time::sleep(AWAY).await;
        signal(&processes, "CONT");
        load.goes_on(20, &format!("{store} was away")).await;
    }
    let acknowledged = load.finish().await;
    nothing_was_lost(&stack, &acknowledged).await;
}
