//! `writ audit receipt`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use uuid::Uuid;
use writ_chain::keys::Trusted;
use writ_chain::receipt::{self, Receipt};
use writ_chain::statement::Signed;
use writ_chain::verify::Class;

use super::action_receipt::{self, Known, Words};
use super::outcome::Outcome;
use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
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
    let why = |error| Failure::Usage(format!("{}: {error}", file.display()));
    serde_json::from_str(&read(file)?).map_err(why)
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
    let traces = one(api, &["traces"], &[("decisionId", id.to_owned())]).await?;
    let approval = match text(&decision, "/approvalRequestId") {
        Some(approval) => one(api, &["approvals", approval], &[]).await?,
        None => Value::Null,
    };
    // A list shows the beginning of an input; one trace shows all of it.
    let trace = match text(&traces, "/0/traceId") {
        Some(id) => one(api, &["traces", id], &[]).await?,
        None => Value::Null,
    };
    Ok(Known {
        statement: statement.clone(),
        decision,
        trace,
        approval,
        arguments,
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

/// Checks a receipt, offline.
pub(super) fn verify(signed: &Signed<Receipt>, org: Option<Uuid>, keys: &Trusted) -> Outcome {
    let statement = &signed.statement;
    let number = || format!("entry {}", statement.inclusion.index);
    let name = statement.decision_id.clone().unwrap_or_else(number);
    let mut outcome = Outcome::named(name);
    let wrong = match receipt::verify(signed, keys) {
        Ok(verified) => {
            outcome.entries = 1;
            outcome.sealed = Some(verified.size());
            outcome.signed_by = [verified.signed_by(), verified.witnesses()].concat();
            let another = org.is_some_and(|org| org != signed.statement.org);
            another.then(|| {
                (
                    Class::BadContent,
                    "it is of another organisation".to_owned(),
                )
            })
        }
        Err(refusal) => Some((refusal.class(), refusal.to_string())),
    };
    if let Some((class, text)) = wrong {
        outcome.wrong(class, text);
    }
    outcome
}
