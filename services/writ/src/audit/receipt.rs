//! `writ audit receipt`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use writ_chain::canonical;

use super::action_receipt::{self, Known, Words};
use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::list;
use crate::output;
use crate::target::read;

#[derive(Args)]
pub(crate) struct ReceiptArgs {
    /// A decision (dec_… or its UUID, as in `source` of an enforce answer), or the number of any entry
    entry: String,
    /// Write it there instead of on standard output; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// As an Action Receipt (agentboundary/v0.1): portable, and hashed instead of signed
    #[arg(long)]
    action_receipt: bool,
    /// Action Receipt: the arguments of the act, JSON; default: the input of its trace or approval
    #[arg(long, value_name = "FILE", requires = "action_receipt")]
    arguments: Option<PathBuf>,
    #[command(flatten)]
    words: Words,
}

pub(super) async fn run(args: ReceiptArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let numbered = args.entry.parse::<u64>();
    let kind = if numbered.is_ok() {
        "entries"
    } else {
        "decisions"
    };
    let path = ["audit", kind, args.entry.as_str(), "receipt"];
    let signed = data(api.get(&path, &[]).await?);
    let document = if args.action_receipt {
        let arguments = args.arguments.as_deref().map(json).transpose()?;
        let known = known(&api, signed, arguments).await?;
        for note in known.notes(&args.words) {
            output::note(note)?;
        }
        action_receipt::of(&known, &args.words)?
    } else {
        signed
    };
    match &args.out {
        None => output::json(&document),
        Some(file) => keep(file, &document),
    }
}

pub(super) fn keep(file: &Path, document: &Value) -> Result<(), Failure> {
    use std::io::Write as _;
    let broken =
        |error: std::io::Error| Failure::Unavailable(format!("{}: {error}", file.display()));
    let mut out = std::fs::File::create_new(file).map_err(broken)?;
    writeln!(out, "{document:#}").map_err(broken)?;
    out.sync_all().map_err(broken)
}

fn json(file: &Path) -> Result<Value, Failure> {
    let why = |error: String| Failure::Usage(format!("{}: {error}", file.display()));
    let text = read(file)?;
    // A name that is there twice has no canonical form.
    canonical::canonicalize(&text).map_err(|error| why(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| why(error.to_string()))
}

/// What else the API knows of the decision; what is not there any more is left out.
async fn known(api: &Api, mut signed: Value, arguments: Option<Value>) -> Result<Known, Failure> {
    let statement = signed
        .get_mut("statement")
        .map(Value::take)
        .unwrap_or_default();
    let id = text(&statement, "/decisionId").ok_or_else(|| {
        Failure::Usage("the entry is no decision, and an Action Receipt is of one".to_owned())
    })?;
    let decision = one(api, &["decisions", id], &[]).await?;
    Ok(Known {
        trace: trace(api, id, &decision).await?,
        approval: approval(api, id, &decision).await?,
        statement: statement.clone(),
        decision,
        arguments,
    })
}

/// The span of the act: of a trace that names this decision itself, and of the agent that asked.
async fn trace(api: &Api, id: &str, decision: &Value) -> Result<Value, Failure> {
    let agent = text(decision, "/agentUuid");
    let is_of = |span: &&Value| {
        let linked = (text(span, "/decision/id"), text(span, "/decision/link"));
        linked == (Some(id), Some("exact")) && text(span, "/agentUuid") == agent
    };
    let found = one(api, &["traces"], &[("decisionId", id.to_owned())]).await?;
    let found = found.as_array().into_iter().flatten().find(is_of);
    let Some(trace) = found.and_then(|it| text(it, "/traceId")) else {
        return Ok(Value::Null);
    };
    // A list shows the beginning of an input; one trace shows all of it.
    let whole = one(api, &["traces", trace], &[]).await?;
    let mut spans = whole
        .pointer("/spans")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Ok(spans.find(is_of).cloned().unwrap_or_default())
}

/// The request that the act waits for: its own, or the one of the same act that it joined.
async fn approval(api: &Api, id: &str, decision: &Value) -> Result<Value, Failure> {
    let Some(own) = text(decision, "/approvalRequestId") else {
        return Ok(Value::Null);
    };
    let names = |request: &Value| {
        let ids = request.pointer("/decisionIds").and_then(Value::as_array);
        ids.is_some_and(|ids| ids.iter().any(|one| one.as_str() == Some(id)))
    };
    let request = one(api, &["approvals", own], &[]).await?;
    if names(&request) {
        return Ok(request);
    }
    let all = list::all(api, &["approvals"]).await?;
    let joined = all.into_iter().find(names);
    joined.ok_or_else(|| {
        Failure::NotFound(format!(
            "no approval request that this key may see names {id}: use the key that asked, or an Admin's"
        ))
    })
}

async fn one(api: &Api, path: &[&str], query: &[(&str, String)]) -> Result<Value, Failure> {
    match api.get(path, query).await {
        Ok(answer) => Ok(data(answer)),
        Err(Failure::NotFound(_)) => Ok(Value::Null),
        Err(failure) => Err(failure),
    }
}

fn data(mut answer: Value) -> Value {
    answer.get_mut("data").map(Value::take).unwrap_or_default()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}
