//! Puts policies behind their prerequisites.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Entry;
use crate::rule::Broken;

/// Orders entries so that each stands behind its prerequisites and otherwise as given; those in a
/// circle come last and fail. Prerequisites that are not among the entries count as passed.
pub(super) fn in_order(entries: Vec<Entry>) -> Vec<Entry> {
    if entries
        .iter()
        .all(|entry| entry.policy.prerequisites.is_empty())
    {
        return entries;
    }
    let places: HashMap<_, usize> = entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.policy.id, place))
        .collect();
    let prerequisites: Vec<Vec<usize>> = entries
        .iter()
        .map(|entry| {
            let wanted = entry.policy.prerequisites.iter();
            let mut places: Vec<usize> = wanted.filter_map(|id| places.get(id).copied()).collect();
            places.sort_unstable();
            places.dedup();
            places
        })
        .collect();
    let order = topological(&prerequisites);
    let mut position_of = vec![None; entries.len()];
    for (position, place) in order.iter().enumerate() {
        if let Some(slot) = position_of.get_mut(*place) {
            *slot = Some(position);
        }
    }
    let mut slots: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(slots.len());
    for place in &order {
        if let Some(mut entry) = slots.get_mut(*place).and_then(Option::take) {
            let wanted = prerequisites.get(*place).into_iter().flatten();
            let positions = wanted.filter_map(|at| position_of.get(*at).copied().flatten());
            entry.after = positions.collect();
            sorted.push(entry);
        }
    }
    // What could not be ordered waits for itself.
    for mut entry in slots.into_iter().flatten() {
        entry.rule = Box::new(Broken("its prerequisites form a circle".to_owned()));
        sorted.push(entry);
    }
    sorted
}

/// Places in an order where each comes behind what it waits for, smallest first; places in or
/// behind a circle are left out.
fn topological(prerequisites: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = prerequisites.iter().map(Vec::len).collect();
    let mut dependents: HashMap<usize, Vec<usize>> = HashMap::new();
    for (place, wanted) in prerequisites.iter().enumerate() {
        for prerequisite in wanted {
            dependents.entry(*prerequisite).or_default().push(place);
        }
    }
    let free = waiting.iter().enumerate().filter(|(_, n)| **n == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(|(place, _)| Reverse(place)).collect();
    let mut order = Vec::with_capacity(prerequisites.len());
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for dependent in dependents.get(&place).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(*dependent) {
                *left -= 1;
                if *left == 0 {
                    ready.push(Reverse(*dependent));
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prerequisites_come_first_and_the_given_order_holds_otherwise() {
        assert_eq!(topological(&[vec![2], vec![], vec![1]]), [1, 2, 0]);
        assert_eq!(topological(&[vec![], vec![], vec![]]), [0, 1, 2]);
    }

    #[test]
    fn a_circle_and_what_waits_for_it_are_left_out() {
        assert_eq!(topological(&[vec![1], vec![0], vec![], vec![0]]), [2]);
        assert_eq!(topological(&[vec![0]]), Vec::<usize>::new());
    }
}
