//! The agents that are paused, as Writ tells it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::proto::control_service_client::ControlServiceClient;
use crate::proto::watch_agents_response::Event;
use crate::proto::{
    Agent, AgentStatus, Pause, PauseScope, WatchAgentsRequest, WatchAgentsResponse,
};
use crate::with_key;

/// Before the stream is opened again.
const REST: Duration = Duration::from_millis(500);

/// What was last heard of agents and pauses; it stays while Writ is away.
#[derive(Debug, Clone)]
pub struct Pauses {
    seen: watch::Receiver<Seen>,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    heard: bool,
    agents: HashMap<String, Agent>,
    pauses: HashMap<String, Pause>,
}

impl Pauses {
    /// Ends with the last of its clones.
    pub(crate) fn follow(channel: Channel, key: MetadataValue<Ascii>, environment: &str) -> Self {
        let (tell, seen) = watch::channel(Seen::default());
        let environment = environment.to_owned();
        #[allow(
            clippy::disallowed_methods,
            reason = "nobody supervises here; it ends with its last listener"
        )]
        tokio::spawn(async move {
            tokio::select! {
                () = tell.closed() => {}
                () = keep(&tell, channel, key, environment) => {}
            }
        });
        Self { seen }
    }

    /// Returns when it is known which agents are paused.
    pub async fn known(&self) {
        let mut seen = self.seen.clone();
        // The task lives as long as this does.
        let _known = seen.wait_for(|seen| seen.heard).await;
    }

    /// Why an agent (the application's id, or the UUID) is paused in an environment; `None` when it
    /// is not known to be.
    #[must_use]
    pub fn reason(&self, agent: &str, environment: &str) -> Option<String> {
        self.seen.borrow().reason(agent, environment)
    }

    /// Returns when an agent is paused: select it beside the work that must end then.
    pub async fn paused(&self, agent: &str, environment: &str) -> String {
        let mut seen = self.seen.clone();
        let paused = |seen: &Seen| seen.reason(agent, environment);
        let found = seen.wait_for(|seen| paused(seen).is_some()).await;
        let reason = found.ok().and_then(|seen| paused(&seen));
        reason.unwrap_or_else(|| "pauses are not followed any more".to_owned())
    }

    pub(crate) fn covering(
        &self,
        agent: &str,
        environment: &str,
        tools: &[String],
    ) -> Option<String> {
        let seen = self.seen.borrow();
        let of_agent = seen.reason(agent, environment);
        of_agent.or_else(|| seen.tool(tools))
    }
}

impl Seen {
    fn reason(&self, agent: &str, environment: &str) -> Option<String> {
        let mut agents = self.agents.values().filter(|known| {
            known.id == agent || known.agent_id == agent && known.environment == environment
        });
        agents.find_map(|known| match known.status() {
            AgentStatus::Active | AgentStatus::Unspecified => None,
            AgentStatus::Paused => Some(format!("paused: {}", known.pause_reason)),
            AgentStatus::Archived => Some("the agent is archived".to_owned()),
        })
    }

    fn tool(&self, tools: &[String]) -> Option<String> {
        let of_tools =
            |pause: &&Pause| pause.scope() == PauseScope::Tool && tools.contains(&pause.value);
        let found = self.pauses.values().find(of_tools)?;
        Some(format!(
            "the tool {} is paused: {}",
            found.value, found.reason
        ))
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Snapshot(snapshot) => {
                let agents = snapshot.agents.into_iter();
                let pauses = snapshot.pauses.into_iter();
                self.agents = agents.map(|agent| (agent.id.clone(), agent)).collect();
                self.pauses = pauses.map(|pause| (pause.id.clone(), pause)).collect();
                self.heard = true;
            }
            Event::Agent(agent) => {
                self.agents.insert(agent.id.clone(), agent);
            }
            Event::PauseCreated(pause) => {
                self.pauses.insert(pause.id.clone(), pause);
            }
            Event::PauseEnded(pause) => {
                self.pauses.remove(&pause.id);
            }
        }
    }
}

async fn keep(
    tell: &watch::Sender<Seen>,
    channel: Channel,
    key: MetadataValue<Ascii>,
    environment: String,
) {
    let mut client = ControlServiceClient::new(channel);
    loop {
        let environment = environment.clone();
        let call = with_key(&key, WatchAgentsRequest { environment });
        if let Ok(stream) = client.watch_agents(call).await {
            // However it ends it is opened again, and begins with a snapshot.
            let _ended = listen(tell, stream.into_inner()).await;
        }
        tokio::time::sleep(REST).await;
    }
}

async fn listen(
    tell: &watch::Sender<Seen>,
    mut stream: Streaming<WatchAgentsResponse>,
) -> Result<(), Status> {
    while let Some(WatchAgentsResponse { event }) = stream.message().await? {
        tell.send_modify(|seen| event.into_iter().for_each(|event| seen.hear(event)));
    }
    Ok(())
}
