//! `writ agent`.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::body::BodyArg;
use crate::cli::Context;
use crate::failure::Failure;
use crate::list::{self, ListArgs};
use crate::output::{self, Column};

/// How long to wait before a stream that ended is asked for again.
const AGAIN: Duration = Duration::from_secs(1);

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("AGENT", "/agentId"),
    ("NAME", "/name"),
    ("ENVIRONMENT", "/environment"),
    ("STATUS", "/status"),
];

#[derive(Subcommand)]
pub(crate) enum AgentCommand {
    /// Agents of the organisation
    List {
        /// Only those whose id or name contains this
        #[arg(long)]
        search: Option<String>,
        /// Only of this environment
        #[arg(long)]
        environment: Option<String>,
        /// The archived ones instead of the others
        #[arg(long)]
        archived: bool,
        #[command(flatten)]
        page: ListArgs,
    },
    /// One agent
    Show(Which),
    /// Register an agent; the same id and environment again changes nothing
    Register(Box<Register>),
    /// Stop an agent at once: everything it asks is refused until it is resumed
    Pause {
        #[command(flatten)]
        which: Which,
        /// Why; kept in the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a paused agent act again
    Resume(Which),
    /// Write every agent and pause, then what changes, until it is stopped: a line of JSON each
    Watch,
}

/// An agent.
#[derive(Args)]
pub(crate) struct Which {
    /// Its id: the UUID, or the id the application gave it
    id: String,
    /// Which one, when several environments have an agent of that id
    #[arg(long)]
    environment: Option<String>,
}

#[derive(Args)]
pub(crate) struct Register {
    /// The id the application uses
    id: String,
    /// Default: the id
    #[arg(long)]
    name: Option<String>,
    /// Default: production
    #[arg(long)]
    environment: Option<String>,
    /// chatbot, copilot, autonomous or workflow; default: chatbot
    #[arg(long = "type")]
    kind: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// observe, advise, act_with_approval or autonomous
    #[arg(long, value_name = "LEVEL")]
    autonomy: Option<String>,
    /// May be repeated
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// What it runs on
    #[arg(long)]
    platform: Option<String>,
    /// What it may do; may be repeated
    #[arg(long, value_name = "ACTION")]
    allowed_actions: Vec<String>,
    /// What it may read; may be repeated
    #[arg(long, value_name = "SOURCE")]
    allowed_data_sources: Vec<String>,
    /// What a person must approve; may be repeated
    #[arg(long, value_name = "ACTION")]
    requires_human_approval_for: Vec<String>,
    /// Your own notes, a JSON object
    #[arg(long, value_name = "JSON", value_parser = notes)]
    metadata: Option<Value>,
    #[command(flatten)]
    body: BodyArg,
}

fn notes(text: &str) -> Result<Value, String> {
    let read: Result<Map<String, Value>, _> = serde_json::from_str(text);
    read.map(Value::Object)
        .map_err(|wrong| format!("not a JSON object: {wrong}"))
}

pub(crate) async fn run(command: AgentCommand, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    match command {
        AgentCommand::List {
            search,
            environment,
            archived,
            page,
        } => {
            let filters = [
                ("search", search),
                ("environment", environment),
                ("archived", archived.then(|| "true".to_owned())),
            ];
            let agents = list::fetch(&api, &["agents"], &filters, &page).await?;
            output::rows(context.format, &agents, COLUMNS)
        }
        AgentCommand::Show(which) => {
            let body = api.get(&["agents", &which.id], &which.query()).await?;
            output::object(context.format, &list::data(body))
        }
        AgentCommand::Register(register) => {
            let body = register.body()?;
            let answer = api.send(Method::POST, &["agents"], Some(&body)).await?;
            output::object(context.format, &list::data(answer))
        }
        AgentCommand::Pause { which, reason } => {
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let path = ["agents", &which.id, "pause"];
            let answer = api
                .send_with(Method::PATCH, &path, &which.query(), Some(&body))
                .await?;
            output::object(context.format, &with_receipt(answer))
        }
        AgentCommand::Resume(which) => {
            let path = ["agents", &which.id, "resume"];
            let answer = api
                .send_with(Method::PATCH, &path, &which.query(), None)
                .await?;
            output::object(context.format, &with_receipt(answer))
        }
        AgentCommand::Watch => watch(&api).await,
    }
}

/// The server ends a stream after a while; the next one begins with everything again.
async fn watch(api: &Api) -> Result<(), Failure> {
    loop {
        let mut stream = api.download(&["events"], &[]).await?;
        let mut read = Vec::new();
        while let Ok(Some(bytes)) = stream.chunk().await {
            read.extend_from_slice(&bytes);
            while let Some(end) = read.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = read.drain(..end + 2).collect();
                if let Some(event) = event_of(&String::from_utf8_lossy(&event)) {
                    output::text(&event.to_string())?;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// `{"event": …, "data": …}`; nothing for a heartbeat.
fn event_of(text: &str) -> Option<Value> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data: Value = serde_json::from_str(field("data:")?).ok()?;
    Some(json!({ "event": field("event:")?.trim(), "data": data }))
}

/// What was paused or resumed, with the gate's acknowledgement: from then on nothing that was asked
/// before is allowed.
pub(crate) fn with_receipt(mut answer: Value) -> Value {
    let receipt = answer.get_mut("receipt").map(Value::take);
    let mut data = list::data(answer);
    if let (Some(fields), Some(receipt)) = (data.as_object_mut(), receipt) {
        fields.insert("receipt".to_owned(), receipt);
    }
    data
}

impl Which {
    fn query(&self) -> Vec<(&'static str, String)> {
        let environment = self.environment.clone();
        environment
            .map(|it| ("environment", it))
            .into_iter()
            .collect()
    }
}

impl Register {
    /// Fields that were not given are left out: the server keeps what it has.
    fn body(self) -> Result<Value, Failure> {
        let mut body = self.body.read()?;
        body.put("name", self.name);
        body.put_default("name", &self.id);
        body.put("agentId", Some(self.id));
        body.put("environment", self.environment);
        body.put_default("environment", "production");
        body.put("type", self.kind);
        body.put_default("type", "chatbot");
        body.put("description", self.description);
        body.put("ownerEmail", self.owner);
        body.put("autonomyLevel", self.autonomy);
        body.put("platform", self.platform);
        body.put("metadata", self.metadata);
        body.put_all("tags", self.tags);
        body.put_all("allowedActions", self.allowed_actions);
        body.put_all("allowedDataSources", self.allowed_data_sources);
        body.put_all("requiresHumanApprovalFor", self.requires_human_approval_for);
        Ok(body.done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_name_and_its_data_and_a_heartbeat_is_none() {
        let event = event_of("event: agent.updated\ndata: {\"id\":1}\n\n");
        assert_eq!(
            event,
            Some(json!({"event": "agent.updated", "data": {"id": 1}}))
        );
        assert_eq!(event_of(":\n\n"), None);
    }
}
