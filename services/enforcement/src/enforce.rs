//! One act from request to answer: judge, record behind the fence, then answer. No allow and no
//! hold is answered unrecorded; a denial is answered whatever becomes of its record.

mod authorize;
mod keep;
mod prove;

pub use prove::Tokens;

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;
use writ_access::Caller;
use writ_contract::digest::DigestKey;
use writ_contract::{ApprovalId, DecisionId, OrgId, Shard};
use writ_eventlog::{AppendError, EventLog, Fences, KeyFeed, Lanes};
use writ_policy::{Answers, Evaluation, Facts, Outcome, Request, resume};
use writ_service_kit::{Clock, ReadyLatch, ids};

use crate::answer::{Answer, Explanation, Given};
use crate::beside::{Beside, LARGE};
use crate::books::Keeper;
use crate::budget::{self, Reserved};
use crate::config::Refusals;
use crate::domain::{Ask, KnownAgent, Refusal, Verdict, prepare};
use crate::error::Error;
use crate::hold::Holds;
use crate::metrics;
use crate::outside::{Asking, Outside};
use crate::projection::{ActivePolicy, Snapshot};
use crate::spool::Spool;

/// How often an act is judged again because a pause came in between.
const ATTEMPTS: u32 = 4;
/// Largest action context that is kept for an approver: a message of the log takes 8 MiB.
const HELD_BYTES: usize = 7 * 1024 * 1024;
const FENCE_WAIT: Duration = Duration::from_millis(500);

/// Judges and records.
#[derive(Debug)]
pub struct Enforcer {
    pub(crate) state: Arc<ActivePolicy>,
    pub(crate) keys: Arc<KeyFeed>,
    pub(crate) fences: Arc<Fences>,
    pub(crate) lanes: Lanes,
    pub(crate) log: EventLog,
    pub(crate) holds: Arc<Holds>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) digest_key: DigestKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) beside: Beside,
    pub(crate) outside: Outside,
    pub(crate) ready: ReadyLatch,
    pub(crate) record_within: Duration,
    pub(crate) approval_within: Duration,
    pub(crate) refusals: Refusals,
}

/// One try at one act.
struct Attempt<'a> {
    id: DecisionId,
    caller: &'a Caller,
    ask: &'a Ask,
    snapshot: Snapshot,
    callee: Option<KnownAgent>,
    verdict: Verdict,
    kill_seq: u64,
    evaluation_us: u64,
    reserved: Reserved,
}

impl Enforcer {
    /// Answers one act.
    ///
    /// # Errors
    /// [`Error`] when there is no decision: the edge answers 503.
    pub async fn enforce(&self, caller: &Caller, ask: &Ask) -> Result<Answer, Error> {
        if !self.ready.is_ready() {
            metrics::count(metrics::UNDECIDED);
            return Err(Error::Starting);
        }
        let mut asking = self.outside.asking();
        for _ in 0..ATTEMPTS {
            let attempt = self.attempt(caller, ask, &mut asking).await?;
            let kill_seq = attempt.kill_seq;
            let answered = match attempt.verdict.outcome() {
                Outcome::Allow => self.allow(attempt).await,
                Outcome::Hold => self.hold(attempt).await,
                Outcome::Block => Ok(self.deny(attempt).await),
            };
            match answered {
                Ok(answer) => return Ok(answer),
                Err(AppendError::Fenced) => self.catch_up(caller, kill_seq).await,
                Err(error) => return Err(undecided(&error)),
            }
        }
        Err(undecided(&AppendError::Fenced))
    }

    /// The answer to somebody who may not even ask: never recorded, there is no organisation.
    #[must_use]
    pub fn refuse(refusal: &Refusal) -> Answer {
        metrics::decided("deny");
        let violations = vec![refusal.violation()];
        Answer::Denied(Given {
            violations,
            risk: 100,
            ..Given::default()
        })
    }

    /// Judges once. The fence is read before the state, so that a pause applied in between can only
    /// refuse the append.
    async fn attempt<'a>(
        &self,
        caller: &'a Caller,
        ask: &'a Ask,
        asking: &mut Asking<'_>,
    ) -> Result<Attempt<'a>, Error> {
        let org = OrgId(caller.org_id());
        let kill_seq = self.fences.current(Shard::of(org));
        let snapshot = self.state.snapshot(org, &ask.agent, ask.environment());
        let started = Instant::now();
        let mut verdict = self.judge(caller, ask, &snapshot, asking).await;
        let took = started.elapsed().saturating_sub(asking.take_waited());
        metrics::evaluated(took);
        let id = DecisionId(self.new_id());
        let reserved = self.reserve(org, &mut verdict, id).await?;
        let evaluation_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Ok(Attempt {
            id,
            caller,
            ask,
            snapshot,
            callee: None,
            verdict,
            kill_seq,
            evaluation_us,
            reserved,
        })
    }

    /// Judges, and asks outside as often as the policies need it: what is refused already asks
    /// nobody, and each round answers every question it was given.
    async fn judge(
        &self,
        caller: &Caller,
        ask: &Ask,
        snapshot: &Snapshot,
        asking: &mut Asking<'_>,
    ) -> Verdict {
        let now_ms = self.clock.now_ms();
        let request = match prepare(caller, ask, &snapshot.view(), now_ms) {
            Ok(request) => Arc::new(request),
            Err(refusal) => return Verdict::Refused(refusal),
        };
        let facts = self.keeper.facts(&request, now_ms);
        let mut answers = Answers::new();
        loop {
            let large = ask.bytes > LARGE;
            let evaluated = self.evaluate(large, snapshot, &request, facts, &answers);
            match evaluated.await {
                Err(refusal) => return Verdict::Refused(refusal),
                Ok(Evaluation::Decided(decision)) => {
                    metrics::went_on(&decision);
                    return Verdict::judged(decision, snapshot.plan, now_ms);
                }
                Ok(Evaluation::Needs(calls)) => {
                    let org = OrgId(caller.org_id());
                    asking.answer(org, calls, &request, &mut answers).await;
                }
            }
        }
    }

    async fn evaluate(
        &self,
        large: bool,
        snapshot: &Snapshot,
        request: &Arc<Request>,
        facts: Facts,
        answers: &Answers,
    ) -> Result<Evaluation, Refusal> {
        if !large {
            return Ok(resume(&snapshot.policies, request, &facts, answers));
        }
        let (policies, request) = (snapshot.policies.clone(), request.clone());
        let answers = answers.clone();
        let judging = move || resume(&policies, &request, &facts, &answers);
        self.beside.run(judging).await
    }

    async fn reserve(
        &self,
        org: OrgId,
        verdict: &mut Verdict,
        id: DecisionId,
    ) -> Result<Reserved, Error> {
        let Verdict::Judged(decision) = verdict else {
            return Ok(Reserved::default());
        };
        if decision.reservations.is_empty() {
            return Ok(Reserved::default());
        }
        let reserved = budget::reserve(&self.log, org, decision, id).await;
        let mut reserved = reserved.map_err(|e| Error::NotRecorded(e.to_string()))?;
        if decision.outcome == Outcome::Block {
            reserved.void(&self.log, org).await;
        }
        Ok(reserved)
    }

    async fn allow(&self, mut attempt: Attempt<'_>) -> Result<Answer, AppendError> {
        self.record_or_void(&mut attempt, None, None).await?;
        metrics::decided("allow");
        Ok(Answer::Allowed(given(&attempt)))
    }

    async fn hold(&self, mut attempt: Attempt<'_>) -> Result<Answer, AppendError> {
        let org = OrgId(attempt.caller.org_id());
        if attempt.ask.context.len() > HELD_BYTES {
            attempt.reserved.void(&self.log, org).await;
            attempt.verdict = Verdict::Refused(Refusal::TooLargeToHold);
            return Ok(self.deny(attempt).await);
        }
        let approval = ApprovalId(self.new_id());
        let body = match self.put_context(org, &attempt).await {
            Ok(body) => body,
            Err(error) => {
                attempt.reserved.void(&self.log, org).await;
                return Err(error);
            }
        };
        let waiting = self.holds.expect(attempt.id);
        self.record_or_void(&mut attempt, Some(approval), Some(body))
            .await?;
        match waiting.approval(self.approval_within).await {
            Some(approval) => {
                metrics::decided("hold");
                Ok(Answer::Held(given(&attempt), approval))
            }
            None => Ok(self.no_approval(&attempt)),
        }
    }

    /// The hold is recorded, but nobody will decide about it: refuse.
    fn no_approval(&self, attempt: &Attempt<'_>) -> Answer {
        metrics::decided("deny");
        let mut given = given(attempt);
        given.violations.push(Refusal::NoApproval.violation());
        Answer::Denied(given)
    }

    /// Answers whatever becomes of the record: it is appended, or kept on disk.
    async fn deny(&self, attempt: Attempt<'_>) -> Answer {
        let envelope = self.envelope(&attempt, None, None);
        let recorded =
            self.log.connected() && self.append(&attempt, envelope.clone()).await == Ok(());
        if !recorded {
            self.keep(&attempt, envelope).await;
        }
        if let Verdict::Refused(Refusal::PlanSpent(spent)) = attempt.verdict {
            metrics::decided("plan_spent");
            return Answer::PlanSpent(spent);
        }
        metrics::decided("deny");
        Answer::Denied(given(&attempt))
    }

    /// Waits until the kill that refused the append has been applied.
    async fn catch_up(&self, caller: &Caller, kill_seq: u64) {
        metrics::count(metrics::REDECIDED);
        let shard = Shard::of(OrgId(caller.org_id()));
        self.fences.passed(shard, kill_seq, FENCE_WAIT).await;
    }

    fn new_id(&self) -> Uuid {
        ids::new_v7(self.clock.as_ref())
    }
}

fn undecided(error: &AppendError) -> Error {
    metrics::count(metrics::UNDECIDED);
    Error::NotRecorded(error.to_string())
}

fn given(attempt: &Attempt<'_>) -> Given {
    let decision = Some(attempt.id);
    match &attempt.verdict {
        Verdict::Refused(refusal) => Given {
            decision,
            violations: vec![refusal.violation()],
            risk: 100,
            ..Given::default()
        },
        Verdict::Granted(grant) => Given {
            decision,
            grant: Some(*grant),
            ..Given::default()
        },
        Verdict::Judged(judged) => Given {
            explanation: attempt.ask.explain.then(|| Explanation::from(&**judged)),
            ..Given::judged(decision, judged)
        },
    }
}
