//! Taking traces in, from whichever edge: read, decide, store on the log, count.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use prost::Message as _;
use tokio::sync::{Notify, Semaphore};
use writ_access::Caller;
use writ_access::agent_token::{self, Identity, SigningKeys};
use writ_contract::digest::DigestKey;
use writ_contract::{AgentId, EventId, OrgId, wire};
use writ_service_kit::Clock;
use writ_service_kit::ids::new_v7;
use writ_service_kit::json::{DEPTH, check_depth, sanitize};

use crate::consume::Registrar;
use crate::domain::{
    Agent, Forged, Forgeries, Meter, Month, NotTraces, Organization, Recent, Refusal, Refused,
    Resolution, Seen, Spent, Trace, Usage, admit, begun_before, proven, split,
};
use crate::error::Error;
use crate::metrics;

mod lane;
mod source;

pub(crate) use lane::{Draft, Lanes};
pub(crate) use source::{Limits, Source, Taken};

/// Unit of the budget for what waits for the log.
const KILOBYTE: usize = 1024;

/// The counters that follow what was stored.
#[derive(Debug)]
struct Counted {
    recent: Recent,
    usage: Usage,
    meter: Meter,
    forgeries: Forgeries,
}

/// The way in.
pub(crate) struct Intake {
    registrar: Arc<Registrar>,
    keys: Arc<dyn SigningKeys>,
    lanes: Lanes,
    clock: Arc<dyn Clock>,
    limits: Limits,
    digest_key: DigestKey,
    budget: Semaphore,
    counted: Mutex<Counted>,
    /// Somebody's limit may have been used up just now.
    spending: Notify,
}

/// A trace that was admitted, with what is counted once it is stored.
struct Admitted {
    key: u64,
    trace: Trace,
    draft: Draft,
}

impl Intake {
    /// An intake that appends through `lanes`.
    #[must_use]
    pub(crate) fn new(
        registrar: Arc<Registrar>,
        keys: Arc<dyn SigningKeys>,
        lanes: Lanes,
        clock: Arc<dyn Clock>,
        limits: Limits,
        digest_key: DigestKey,
        window_us: i64,
    ) -> Self {
        let counted = Counted {
            recent: Recent::default(),
            usage: Usage::default(),
            meter: Meter::new(window_us),
            forgeries: Forgeries::default(),
        };
        Self {
            registrar,
            keys,
            lanes,
            clock,
            limits,
            digest_key,
            budget: Semaphore::new(limits.waiting_bytes / KILOBYTE),
            counted: Mutex::new(counted),
            spending: Notify::new(),
        }
    }

    /// Takes a body in: JSON text of one trace, a list or `{"traces": […]}`. Returned = everything
    /// that is not refused is stored on the log.
    ///
    /// # Errors
    /// [`Error`] when nothing is known to be stored.
    pub(crate) async fn take(&self, source: &Source, body: &[u8]) -> Result<Taken, Error> {
        let org = self.open(source.org).await?;
        let kilobytes = u32::try_from(body.len().div_ceil(KILOBYTE)).unwrap_or(u32::MAX);
        let _share = self
            .budget
            .try_acquire_many(kilobytes)
            .map_err(|_| Error::Overloaded)?;
        let text = sanitize(body);
        let text = std::str::from_utf8(&text).map_err(|e| NotTraces::Malformed(e.to_string()))?;
        let mut taken = Taken::default();
        let admitted = self.admit_all(source, org, &split(text)?, &mut taken).await;
        let result = self.store(source, admitted, &mut taken).await;
        if self.spent(source.org, org).is_some() {
            self.spending.notify_one();
        }
        metrics::traces("refused", source.origin, taken.refused.len() as u64);
        result.map(|()| taken)
    }

    /// Whether the organisation may send now.
    async fn open(&self, org: OrgId) -> Result<Organization, Error> {
        let state = self.registrar.org(org).await?;
        if state.suspended {
            return Err(Error::Suspended);
        }
        match self.spent(org, state) {
            Some(spent) => Err(Error::Quota(spent)),
            None => Ok(state),
        }
    }

    /// The plan's limit, if it is used up this month.
    pub(crate) fn spent(&self, org: OrgId, state: Organization) -> Option<Spent> {
        let month = Month::of(self.clock.now());
        let spent = |max: u64| self.with(|c| c.usage.spent(month, org, max));
        state.max_traces_per_month.and_then(spent)
    }

    /// Traces counted this month.
    pub(crate) fn used(&self, org: OrgId) -> u64 {
        let month = Month::of(self.clock.now());
        self.with(|c| c.usage.used(month, org))
    }

    /// Returns when a limit may have been used up since the last call.
    pub(crate) async fn spending(&self) {
        self.spending.notified().await;
    }

    async fn admit_all(
        &self,
        source: &Source,
        org: Organization,
        texts: &[&str],
        taken: &mut Taken,
    ) -> Vec<Admitted> {
        let mut admitted: Vec<Admitted> = Vec::with_capacity(texts.len());
        let mut keys = std::collections::HashSet::new();
        for (index, text) in texts.iter().enumerate() {
            match self.admit_one(source, org, text).await {
                Ok(one) if self.with(|c| c.recent.contains(one.key)) || !keys.insert(one.key) => {
                    taken.repeated += 1;
                }
                Ok(one) => admitted.push(one),
                Err((trace_id, refusal)) => taken.refused.push(Refused {
                    trace_id,
                    index,
                    refusal,
                }),
            }
        }
        admitted
    }

    async fn admit_one(
        &self,
        source: &Source,
        org: Organization,
        text: &str,
    ) -> Result<Admitted, (Option<String>, Refusal)> {
        let bytes = text.len();
        let most = self.limits.trace_bytes;
        if check_depth(text.as_bytes(), DEPTH).is_err() {
            return Err((trace_id(text), Refusal::TooDeep(DEPTH)));
        }
        if bytes > most {
            return Err((trace_id(text), Refusal::TooLarge { bytes, most }));
        }
        let trace = Trace::read(text).map_err(|wrong| (trace_id(text), wrong.into()))?;
        let refused = |refusal| (Some(trace.trace_id.clone()), refusal);
        let agent = self.judge(source, org, &trace).await.map_err(refused)?;
        let identity = self.identify(source, &trace, agent.as_ref());
        proven(org, identity).map_err(refused)?;
        let key = self.with(|c| c.recent.key(source.org, &trace.trace_id, &trace.span_id));
        let input = wire::TraceInput {
            trace_json: trace.stored_text(text, identity).into_bytes(),
            input_digest: self.input_digest(source.org, &trace),
            ..self.input(source, agent.as_ref().map(|agent| agent.id))
        };
        let draft = Draft {
            org: source.org,
            event_id: EventId(new_v7(self.clock.as_ref())),
            bytes: input.encode_to_vec(),
        };
        Ok(Admitted { key, trace, draft })
    }

    /// What the agent credential of a trace proves; one that is forged is counted.
    fn identify(&self, source: &Source, trace: &Trace, agent: Option<&Agent>) -> Option<Identity> {
        let now_ms = self.clock.now_ms();
        let sent = trace.credential.sent()?;
        let (org, id) = (source.org.0, agent.map(|agent| agent.id.0));
        let identity = agent_token::identify(sent, &*self.keys, org, id, now_ms);
        if identity == Identity::Forged {
            let forged = Forged {
                org: source.org,
                agent: trace.agent_id.clone(),
                agent_id: agent.map(|agent| agent.id),
                environment: trace.environment.clone(),
                key: source.caller.as_ref().and_then(Caller::key_id),
            };
            self.with(|c| c.forgeries.add(forged, now_ms.saturating_mul(1_000)));
        }
        Some(identity)
    }

    /// The forged credentials seen since the last call.
    pub(crate) fn forgeries(&self) -> BTreeMap<Forged, Seen> {
        self.with(|counted| counted.forgeries.take())
    }

    async fn judge(
        &self,
        source: &Source,
        org: Organization,
        trace: &Trace,
    ) -> Result<Option<Agent>, Refusal> {
        let environment = &trace.environment;
        let allowed = |caller: &Caller| caller.allows_environment(environment);
        if !source.caller.as_ref().is_none_or(allowed) {
            return Err(Refusal::Environment(environment.clone()));
        }
        let find = || {
            self.registrar
                .find(source.org, &trace.agent_id, environment)
        };
        let mut agent = find();
        if agent.is_none() && org.registration_required {
            self.registrar.catch_up().await;
            agent = find();
        }
        let now_us = self.clock.now().timestamp_micros();
        admit(trace, org, agent.as_ref(), now_us)?;
        if agent.is_none() {
            let covered = self
                .registrar
                .paused_since_us(source.org, &trace.agent_id, environment);
            begun_before(trace, covered, now_us)?;
        }
        Ok(agent)
    }

    fn input(&self, source: &Source, agent: Option<AgentId>) -> wire::TraceInput {
        wire::TraceInput {
            org_id: source.org.to_bytes(),
            key_id: source.key(),
            received_at_us: self.clock.now().timestamp_micros(),
            origin: source.origin.to_owned(),
            agent_id: agent.map(AgentId::to_bytes).unwrap_or_default(),
            ..wire::TraceInput::default()
        }
    }

    /// The keyed digest by which decisions know a user, hexadecimal.
    pub(crate) fn user_digest(&self, org: OrgId, user: &str) -> String {
        hex::encode(self.digest_key.for_org(org).user(user))
    }

    /// Of a trace that does not name its decision, what the decision knows its input by.
    fn input_digest(&self, org: OrgId, trace: &Trace) -> Vec<u8> {
        if trace.decision_id.is_some() {
            return Vec::new();
        }
        let input: Result<String, _> = serde_json::from_str(&trace.input);
        let digest = |text: String| {
            self.digest_key
                .for_org(org)
                .digest(text.as_bytes())
                .to_vec()
        };
        input.map(digest).unwrap_or_default()
    }

    /// Takes in what became of an act; returned = stored on the log.
    ///
    /// # Errors
    /// [`Error`] when it is not known to be stored.
    pub(crate) async fn resolve(
        &self,
        source: &Source,
        agent: Option<AgentId>,
        resolution: &Resolution,
    ) -> Result<(), Error> {
        let input = wire::TraceInput {
            resolution_json: serde_json::to_vec(resolution).unwrap_or_default(),
            ..self.input(source, agent)
        };
        let draft = Draft {
            org: source.org,
            event_id: EventId(resolution.id.0),
            bytes: input.encode_to_vec(),
        };
        self.lanes.append(draft).await.map(drop)
    }

    /// Appends and counts. When one append fails the request fails: the client sends all again,
    /// and what was stored is a repeat then.
    async fn store(
        &self,
        source: &Source,
        admitted: Vec<Admitted>,
        taken: &mut Taken,
    ) -> Result<(), Error> {
        let appends = admitted.into_iter().map(|one| async move {
            let stored = self.lanes.append(one.draft).await?;
            self.count(source, one.key, &one.trace);
            Ok::<u64, Error>(stored)
        });
        let mut failure = None;
        for stored in join_all(appends).await {
            match stored {
                Ok(seq) => {
                    taken.accepted += 1;
                    taken.last_seq = taken.last_seq.max(Some(seq));
                }
                Err(error) => failure = Some(error),
            }
        }
        metrics::traces("accepted", source.origin, taken.accepted as u64);
        metrics::traces("repeated", source.origin, taken.repeated as u64);
        taken.accepted += taken.repeated;
        failure.map_or(Ok(()), Err)
    }

    fn count(&self, source: &Source, key: u64, trace: &Trace) {
        let now = self.clock.now();
        self.with(|counted| {
            if counted.recent.insert(key) {
                counted.usage.add(Month::of(now), source.org, 1);
                counted.meter.add(now.timestamp_micros(), source.org, trace);
            }
        });
    }

    /// What the table counted for a month.
    pub(crate) fn observe_usage(&self, month: Month, org: OrgId, counted: u64) {
        self.with(|c| c.usage.observe(month, org, counted));
        self.spending.notify_one();
    }

    /// Works with the meter.
    pub(crate) fn meter<T>(&self, work: impl FnOnce(&mut Meter) -> T) -> T {
        self.with(|counted| work(&mut counted.meter))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counted) -> T) -> T {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut counted)
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The id of a trace that is refused before it is read.
fn trace_id(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(rename = "traceId")]
        trace_id: String,
    }
    serde_json::from_str::<Named>(text)
        .ok()
        .map(|named| named.trace_id)
}
