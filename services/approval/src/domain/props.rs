//! Whatever is commanded in whatever order and time, what must hold holds.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::samples::{at, event_id, facts, hold, party, pending};
use super::*;

/// What somebody tries.
#[derive(Debug, Clone)]
enum Try {
    Wait(i64),
    Join(u128),
    Decide(u128, Verdict),
    Expire,
    Cancel,
    Seal,
    Redeem {
        by: u128,
        same_act: bool,
        paused: bool,
    },
    /// The gate refused the record of a claim.
    Release,
    /// The gate recorded a claim.
    Consume,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let verdict = prop_oneof![Just(Verdict::Grant), Just(Verdict::Deny)];
    let one = prop_oneof![
        2 => (0i64..900).prop_map(Try::Wait),
        1 => (1u128..4).prop_map(Try::Join),
        4 => (1u128..6, verdict).prop_map(|(by, verdict)| Try::Decide(by, verdict)),
        1 => Just(Try::Expire),
        1 => Just(Try::Cancel),
        3 => Just(Try::Seal),
        6 => (1u128..3, prop::bool::weighted(0.8), prop::bool::weighted(0.2))
            .prop_map(|(by, same_act, paused)| Try::Redeem { by, same_act, paused }),
        1 => Just(Try::Release),
        3 => Just(Try::Consume),
    ];
    prop::collection::vec(one, 0..60)
}

/// Plays the service: decides, and applies what was decided.
struct World {
    state: State,
    now: i64,
    log: Vec<(i64, Event)>,
}

impl World {
    fn attempt(&mut self, what: &Try) {
        let facts = facts(self.now);
        let state = &self.state;
        let decided = match *what {
            Try::Wait(secs) => {
                self.now += secs;
                return;
            }
            Try::Join(n) => Join {
                decision: hold(n).decision,
                by: party(n),
            }
            .decide(state, &facts),
            Try::Decide(by, verdict) => Decide {
                verdict,
                by: party(by),
            }
            .decide(state, &facts),
            Try::Expire => Expire.decide(state, &facts),
            Try::Cancel => Cancel(Cause::AgentArchived).decide(state, &facts),
            Try::Seal => Seal {
                at: at(self.now),
                life: TimeDelta::minutes(5),
            }
            .decide(state),
            Try::Redeem {
                by,
                same_act,
                paused,
            } => Redeem {
                by: party(by).key,
                same_act,
                genuine: true,
                paused,
                event: event_id(1_000 + self.log.len() as u128),
            }
            .decide(state, &facts),
            // The gate answers only for a claim that is open.
            Try::Release | Try::Consume => match (state.status, state.used) {
                (Status::Approved, Some(used)) => Ok(if matches!(what, Try::Release) {
                    Event::Released
                } else {
                    Event::Consumed(used)
                }),
                _ => return,
            },
        };
        if let Ok(event) = decided {
            self.state = evolve(self.state.clone(), &event);
            self.log.push((self.now, event));
        }
    }
}

fn play(tries: &[Try]) -> World {
    let mut world = World {
        state: pending(),
        now: 0,
        log: Vec::new(),
    };
    for one in tries {
        world.attempt(one);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn at_most_one_use_succeeds(tries in tries()) {
        let (mut open, mut consumed) = (false, 0);
        for (_, event) in play(&tries).log {
            if matches!(event, Event::Claimed(_)) {
                prop_assert!(!open && consumed == 0, "claimed twice");
                open = true;
            } else if event == Event::Released {
                open = false;
            } else if matches!(event, Event::Consumed(_)) {
                prop_assert!(open);
                (open, consumed) = (false, consumed + 1);
            }
        }
        prop_assert!(consumed <= 1);
    }

    #[test]
    fn nothing_is_granted_after_an_end_or_past_its_life(tries in tries()) {
        let mut ended = false;
        for (when, event) in play(&tries).log {
            let decided = matches!(event, Event::Granted(_) | Event::Denied(_));
            if decided {
                prop_assert!(!ended && at(when) < pending().expires_at);
            }
            if event == Event::Expired {
                prop_assert!(!ended && at(when) >= pending().expires_at);
            }
            ended |= decided || matches!(event, Event::Expired | Event::Cancelled(_));
        }
    }

    #[test]
    fn a_use_follows_a_seal_that_follows_a_grant_by_somebody_else(tries in tries()) {
        let world = play(&tries);
        for (place, (when, event)) in world.log.iter().enumerate() {
            let before = world.log[..place].iter().map(|(_, event)| event);
            if matches!(event, Event::Claimed(_)) {
                let life = before.clone().find_map(certified).expect("a certificate");
                prop_assert!(at(*when) >= life.not_before && at(*when) < life.expires_at);
            }
            if certified(event).is_some() {
                prop_assert!(before.clone().any(|event| matches!(event, Event::Granted(_))));
            }
            if let Event::Granted(decided) = event {
                for asked in before.filter_map(joined).chain([party(1)]) {
                    prop_assert!(!asked.same_as(&decided.by));
                }
            }
        }
    }

    #[test]
    fn the_recorded_log_replays_to_the_same_state(tries in tries()) {
        let world = play(&tries);
        let replayed = world.log.iter().fold(pending(), |state, (_, event)| evolve(state, event));
        prop_assert_eq!(replayed, world.state);
    }
}

fn certified(event: &Event) -> Option<Certified> {
    if let Event::Certified(certified) = event {
        Some(*certified)
    } else {
        None
    }
}

fn joined(event: &Event) -> Option<Party> {
    if let Event::Joined { by, .. } = event {
        Some(by.clone())
    } else {
        None
    }
}
