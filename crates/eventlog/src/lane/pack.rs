//! What waits in a lane, taken in turn by organisation, so that a busy one does not hold up others.

use std::collections::{HashMap, VecDeque};

use writ_contract::OrgId;

use super::Item;

/// Largest payload of a packed message.
const BATCH_BYTES: usize = 256 * 1024 - 4096;
/// What framing adds to an envelope, at most.
const FRAME: usize = 64;

#[derive(Default)]
pub(super) struct Queue {
    waiting: HashMap<OrgId, VecDeque<Item>>,
    turns: VecDeque<OrgId>,
    len: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(super) fn push(&mut self, item: Item) {
        let org = item.draft.org;
        let waiting = self.waiting.entry(org).or_default();
        if waiting.is_empty() {
            self.turns.push_back(org);
        }
        waiting.push_back(item);
        self.len += 1;
    }

    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One item of each organisation in turn, until the message is full or nothing waits. Items
    /// whose caller has stopped waiting are dropped: it answered "not recorded", which must stay
    /// true.
    pub(super) fn take_batch(&mut self) -> Vec<Item> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(org) = self.turns.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&org) else {
                continue;
            };
            while waiting.front().is_some_and(|item| item.answer.is_closed()) {
                waiting.pop_front();
                self.len -= 1;
            }
            let size = waiting
                .front()
                .map_or(0, |i| i.draft.envelope.len() + FRAME);
            if bytes + size > BATCH_BYTES && !batch.is_empty() {
                self.turns.push_front(org);
                break;
            }
            bytes += size;
            if let Some(item) = waiting.pop_front() {
                batch.push(item);
                self.len -= 1;
            }
            if waiting.is_empty() {
                self.waiting.remove(&org);
            } else {
                self.turns.push_back(org);
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;
    use writ_contract::EventId;

    use super::super::Draft;
    use super::*;

    fn item(org: u128, event: u128, bytes: usize) -> Item {
        let draft = Draft {
            org: OrgId(Uuid::from_u128(org)),
            event_id: EventId(Uuid::from_u128(event)),
            envelope: vec![0; bytes],
            kill_seq: 0,
        };
        let (answer, wait) = oneshot::channel();
        // Leaked, so that the caller waits for ever.
        std::mem::forget(wait);
        Item { draft, answer }
    }

    fn ids(batch: &[Item]) -> Vec<u128> {
        batch.iter().map(|i| i.draft.event_id.0.as_u128()).collect()
    }

    #[test]
    fn organisations_take_turns_and_each_keeps_its_order() {
        let mut queue = Queue::default();
        for (org, event) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30)] {
            queue.push(item(org, event, 10));
        }
        assert_eq!(ids(&queue.take_batch()), [10, 20, 30, 11, 12]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_full_message_leaves_the_rest_for_the_next() {
        let mut queue = Queue::default();
        for event in 0..3 {
            queue.push(item(1, event, 100 * 1024));
        }
        assert_eq!(ids(&queue.take_batch()), [0, 1]);
        assert_eq!(ids(&queue.take_batch()), [2]);
    }

    #[test]
    fn an_oversize_record_still_travels_alone() {
        let mut queue = Queue::default();
        queue.push(item(1, 1, BATCH_BYTES + 1));
        queue.push(item(2, 2, 1));
        assert_eq!(ids(&queue.take_batch()), [1]);
        assert_eq!(ids(&queue.take_batch()), [2]);
    }

    #[test]
    fn who_stopped_waiting_is_not_recorded() {
        let mut queue = Queue::default();
        queue.push(item(1, 1, 10));
        let (answer, gone) = oneshot::channel();
        drop(gone);
        let draft = item(1, 2, 10).draft;
        queue.push(Item { draft, answer });
        queue.push(item(1, 3, 10));
        assert_eq!(queue.len(), 3);
        assert_eq!(ids(&queue.take_batch()), [1, 3]);
        assert_eq!(queue.len(), 0);
    }
}
