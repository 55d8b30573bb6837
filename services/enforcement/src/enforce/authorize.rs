//! Whether one agent may ask another: looked up, recorded behind the fence like every decision,
//! then answered.

use std::time::Instant;

use writ_access::Caller;
use writ_contract::{DecisionId, OrgId, Shard};
use writ_eventlog::AppendError;
use writ_policy::{Outcome, Request};

use super::{ATTEMPTS, Attempt, Enforcer, undecided};
use crate::answer::Answer;
use crate::budget::Reserved;
use crate::domain::{Ask, Call, Verdict, authorize};
use crate::error::Error;
use crate::metrics;

impl Enforcer {
    /// Answers whether a call may be made. What the policies say about the act itself is another
    /// question: the one who is asked enforces it.
    ///
    /// # Errors
    /// [`Error`] when there is no decision: the edge answers 503.
    pub async fn authorize(
        &self,
        caller: &Caller,
        call: Call,
        edge: &'static str,
        traceparent: &str,
    ) -> Result<Answer, Error> {
        if !self.ready.is_ready() {
            metrics::count(metrics::UNDECIDED);
            return Err(Error::Starting);
        }
        let mut ask = Ask {
            agent: call.caller.clone(),
            edge,
            call: Some(call),
            traceparent: traceparent.to_owned(),
            ..Ask::default()
        };
        for _ in 0..ATTEMPTS {
            let attempt = self.look_up(caller, &mut ask);
            let kill_seq = attempt.kill_seq;
            let answered = match attempt.verdict.outcome() {
                Outcome::Allow => self.allow(attempt).await,
                Outcome::Hold | Outcome::Block => Ok(self.deny(attempt).await),
            };
            match answered {
                Ok(answer) => return Ok(answer),
                Err(AppendError::Fenced) => self.catch_up(caller, kill_seq).await,
                Err(error) => return Err(undecided(&error)),
            }
        }
        Err(undecided(&AppendError::Fenced))
    }

    /// As for an act, the fence is read before the state.
    fn look_up<'a>(&self, caller: &'a Caller, ask: &'a mut Ask) -> Attempt<'a> {
        let org = OrgId(caller.org_id());
        let kill_seq = self.fences.current(Shard::of(org));
        let started = Instant::now();
        let call = ask.call.clone().unwrap_or_default();
        let now_us = self.clock.now().timestamp_micros();
        let (snapshot, parties) = self.state.parties(org, &call, now_us);
        if let Some(known) = &parties.caller {
            ask.request = Request {
                environment: known.agent.environment.clone(),
                ..Request::default()
            };
        }
        let held = snapshot.quarantine.as_deref();
        let verdict = match authorize(caller, &call, &parties, held) {
            Ok(grant) => Verdict::Granted(grant),
            Err(refusal) => Verdict::Refused(refusal),
        };
        Attempt {
            id: DecisionId(self.new_id()),
            caller,
            ask,
            snapshot,
            callee: parties.callee,
            verdict,
            kill_seq,
            evaluation_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            reserved: Reserved::default(),
        }
    }
}
