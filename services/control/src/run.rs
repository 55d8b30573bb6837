//! The loops of the service.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc;
use writ_contract::Service;
use writ_eventlog::{Announcements, EventLog, KeyFeed};
use writ_pg::{Outbox, Pools, Relay};
use writ_service_kit::tasks::Backoff;
use writ_service_kit::{ReadyLatch, Requirement, RunError, Tasks};

use crate::api::State;
use crate::channel::{Kill, Turned};
use crate::config::Config;
use crate::error::{Error, Refusal};
use crate::identity::Seed;
use crate::registry::{Heartbeat, KillApplied, Registry};
use crate::setup;
use crate::sign_in::SignIns;
use crate::signing::Signing;
use crate::write::Actor;

const DRAIN: Duration = Duration::from_secs(10);
/// How long the store may take to write a pause down.
const ATTEMPT: Duration = Duration::from_secs(5);
const ROTATION_LOOKED_AT: Duration = Duration::from_secs(60);

/// What must hold before the service may be given traffic.
pub(crate) struct Needs {
    agents: Requirement,
    kills: Requirement,
    keys: Requirement,
    store: Requirement,
}

impl Needs {
    pub(crate) fn of(ready: &ReadyLatch) -> Self {
        Self {
            agents: ready.require("agents"),
            kills: ready.require("kills"),
            keys: ready.require("keys"),
            store: ready.require("store"),
        }
    }
}

/// Everything that runs.
pub(crate) struct Loops {
    pub(crate) config: Config,
    pub(crate) needs: Needs,
    pub(crate) pools: Pools,
    pub(crate) log: EventLog,
    pub(crate) outbox: Outbox,
    pub(crate) relay: Relay<EventLog>,
    pub(crate) announcements: Arc<Announcements>,
    pub(crate) keys: Arc<KeyFeed>,
    pub(crate) turned: mpsc::UnboundedReceiver<Turned>,
    pub(crate) sign_ins: Arc<SignIns>,
    pub(crate) state: State,
}

impl Loops {
    /// Keeps the loops up until cancelled. The channel starts at once and does not wait for
    /// Postgres.
    pub(crate) async fn run(self, tasks: Tasks) -> Result<(), RunError> {
        self.start_channel(&tasks);
        self.start_presence(&tasks);
        self.start_keys(&tasks);
        let pools = self.pools.clone();
        let sockets = self.state.sockets.clone();
        self.start_store(&tasks);
        tasks.cancel().cancelled().await;
        sockets.close().await;
        tasks.drain(DRAIN).await;
        pools.close().await;
        Ok(())
    }

    fn start_channel(&self, tasks: &Tasks) {
        let ready = self.needs.agents.clone();
        let channel = self.state.channel.clone();
        tasks.supervise("agents", Backoff::default(), move || {
            channel.clone().follow_agents(ready.clone())
        });
        let ready = self.needs.kills.clone();
        let channel = self.state.channel.clone();
        tasks.supervise("kills", Backoff::default(), move || {
            channel.clone().follow_kills(ready.clone())
        });
        let (channel, cancel) = (self.state.channel.clone(), tasks.cancel().clone());
        tasks.spawn("expiry", async move {
            cancel.run_until_cancelled(channel.end_expired()).await;
        });
        let channel = self.state.channel.clone();
        tasks.supervise("budgets", Backoff::default(), move || {
            channel.clone().follow_budgets()
        });
        let (usage, log) = (self.state.usage.clone(), self.log.clone());
        tasks.supervise("usage", Backoff::default(), move || {
            let (usage, log) = (usage.clone(), log.clone());
            async move { usage.follow(&log).await }
        });
        let sockets = self.state.sockets.clone();
        let (changes, cancel) = (
            self.state.channel.switches().changes(),
            tasks.cancel().clone(),
        );
        tasks.spawn("sockets", async move {
            cancel.run_until_cancelled(sockets.follow(changes)).await;
        });
        let (announcements, log) = (self.announcements.clone(), self.log.clone());
        let cancel = tasks.cancel().clone();
        tasks.spawn("announcements", async move {
            announcements.run(log, Service::Enforcement, cancel).await;
        });
    }

    /// Waits for no store: only the log has to be there.
    fn start_presence(&self, tasks: &Tasks) {
        let (state, config) = (self.state.clone(), &self.config);
        let look_every = config.heartbeat_every.get();
        let state_every = TimeDelta::from_std(config.presence_every.get()).unwrap_or_default();
        let cancel = tasks.cancel().clone();
        tasks.spawn("presence", async move {
            let mut waiting = Vec::new();
            let mut runs = true;
            while runs {
                let rest = cancel.run_until_cancelled(tokio::time::sleep(look_every));
                runs = rest.await.is_some();
                // At the end all of it is due.
                let every = if runs { state_every } else { TimeDelta::zero() };
                let now = state.clock.now();
                let (channel, signs) = (&state.channel, &state.heartbeats);
                channel
                    .state_presence(signs, (now, every), &mut waiting)
                    .await;
            }
        });
    }

    fn start_keys(&self, tasks: &Tasks) {
        let (keys, cancel) = (self.keys.clone(), tasks.cancel().clone());
        tasks.spawn("keys", keys.run(cancel));
        let (keys, ready) = (self.keys.clone(), self.needs.keys.clone());
        tasks.meet("keys_ready", ready, async move { keys.ready().await });
    }

    /// Prepares the store, however long it is away, then starts what needs it.
    fn start_store(self, tasks: &Tasks) {
        let ready = self.needs.store.clone();
        let inner = tasks.clone();
        tasks.spawn("store", async move {
            let mut rest = Duration::from_millis(100);
            loop {
                let preparing = inner.cancel().run_until_cancelled(self.prepare_store());
                match preparing.await {
                    None => return,
                    Some(Ok(())) => break,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "store is not usable yet");
                        ready.unmet(error.to_string());
                    }
                }
                if inner
                    .cancel()
                    .run_until_cancelled(tokio::time::sleep(rest))
                    .await
                    .is_none()
                {
                    return;
                }
                rest = (rest * 2).min(Duration::from_secs(5));
            }
            self.start_on_store(&inner, ready);
        });
    }

    async fn prepare_store(&self) -> Result<(), RunError> {
        setup::prepare(&self.config.store, &self.pools).await?;
        if !self.config.seed_file.is_empty() {
            let text = tokio::fs::read(&self.config.seed_file).await?;
            let seed: Seed = serde_json::from_slice(&text)?;
            self.state.identity.apply(&seed).await?;
        }
        self.state.signing.keep().await?;
        Ok(())
    }

    fn start_on_store(self, tasks: &Tasks, ready: Requirement) {
        let (outbox, cancel) = (self.outbox, tasks.cancel().clone());
        tasks.spawn("drained", async move {
            ready.unmet("facts of an earlier life are not on the log yet");
            if cancel.run_until_cancelled(drained(&outbox)).await.is_some() {
                ready.met();
            }
        });
        let (relay, cancel) = (self.relay, tasks.cancel().clone());
        tasks.supervise("relay", Backoff::default(), move || {
            relay.clone().run(cancel.clone())
        });
        let (prompts, log) = (self.state.prompts.clone(), self.log.clone());
        tasks.supervise("prompts", Backoff::default(), move || {
            let (prompts, log) = (prompts.clone(), log.clone());
            async move { prompts.follow(&log).await }
        });
        self.state.privacy.start(&self.log, tasks);
        self.sign_ins.start(tasks);
        tasks.spawn(
            "rows",
            keep_rows(self.state.registry.clone(), self.turned, tasks.clone()),
        );
        let (issuers, cancel) = (self.state.issuers.clone(), tasks.cancel().clone());
        tasks.spawn("issuers", async move {
            cancel.run_until_cancelled(issuers.keep()).await;
        });
        tasks.spawn("signing", rotate(self.state.signing.clone(), tasks.clone()));
        let (state, every) = (self.state, self.config.heartbeat_every.get());
        let cancel = tasks.cancel().clone();
        tasks.spawn("heartbeats", async move {
            while cancel
                .run_until_cancelled(tokio::time::sleep(every))
                .await
                .is_some()
            {
                write_heartbeats(&state).await;
            }
            write_heartbeats(&state).await;
        });
    }
}

/// Returns once the log has everything that was committed before, such as the keys of a seed.
async fn drained(outbox: &Outbox) {
    while !matches!(outbox.is_drained().await, Ok(true)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Looks once a minute whether another signing key is due.
async fn rotate(signing: Signing, tasks: Tasks) {
    let cancel = tasks.cancel();
    while cancel
        .run_until_cancelled(tokio::time::sleep(ROTATION_LOOKED_AT))
        .await
        .is_some()
    {
        if let Err(error) = signing.keep().await {
            tracing::warn!(%error, "signing keys could not be looked at");
        }
    }
}

/// Writes turned switches into their rows and wider pauses into facts, as soon as they can be.
async fn keep_rows(registry: Registry, mut turned: mpsc::UnboundedReceiver<Turned>, tasks: Tasks) {
    let cancel = tasks.cancel().clone();
    while let Some(Some(turned)) = cancel.run_until_cancelled(turned.recv()).await {
        let keeping = async {
            let mut rest = Duration::from_millis(50);
            while let Err(error) = keep_in_time(&registry, &turned).await {
                tracing::warn!(error, "a pause of the gate is not written down yet");
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(Duration::from_secs(2));
            }
        };
        if cancel.run_until_cancelled(keeping).await.is_none() {
            return;
        }
    }
}

/// A backend that outlived its killed server may never answer, so an attempt ends; a second one
/// finds what the first wrote.
async fn keep_in_time(registry: &Registry, turned: &Turned) -> Result<(), String> {
    match tokio::time::timeout(ATTEMPT, keep(registry, turned)).await {
        Ok(kept) => kept.map_err(|error| error.to_string()),
        Err(_) => Err("the store does not answer".to_owned()),
    }
}

async fn keep(registry: &Registry, turned: &Turned) -> Result<(), Error> {
    match turned {
        Turned::Kill(kill, actor) => keep_row(registry, actor, kill).await,
        Turned::Pause(stated) => registry.keep_pause(stated).await,
    }
}

async fn keep_row(registry: &Registry, actor: &Actor, kill: &Kill) -> Result<(), Error> {
    match registry.apply_kill(actor, &KillApplied::from(kill)).await {
        Err(Error::Refused(Refusal::AgentNotFound)) => {
            tracing::error!(agent = %kill.agent, "a kill names an agent that has no row");
            Ok(())
        }
        done => done,
    }
}

impl From<&Kill> for KillApplied {
    fn from(kill: &Kill) -> Self {
        Self {
            agent_id: kill.agent,
            version: kill.version,
            paused: kill.paused,
            reason: kill.reason.clone(),
        }
    }
}

/// Lost heartbeats are not worth a retry: the next ones say the same.
async fn write_heartbeats(state: &State) {
    let beats: Vec<Heartbeat> = state
        .heartbeats
        .take()
        .into_iter()
        .map(|(org, agent, at)| Heartbeat { org, agent, at })
        .collect();
    if beats.is_empty() {
        return;
    }
    if let Err(error) = state.registry.seen(&beats).await {
        tracing::warn!(%error, "heartbeats not written");
    }
}
