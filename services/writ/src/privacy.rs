//! `writ privacy`: what every service holds about a data subject, in one file. The other commands
//! of the noun are made from the API's document.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::api::Api;
use crate::cli::Context;
use crate::compliance::keep;
use crate::failure::Failure;
use crate::list;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum PrivacyCommand {
    /// Write what is held about the subject of a request: for access and portability
    Export {
        /// prq_…
        request: String,
        /// The file, JSON; it must not exist yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(crate) async fn run(command: PrivacyCommand, context: &Context) -> Result<(), Failure> {
    let PrivacyCommand::Export { request, out } = command;
    let api = context.api()?;
    let held = held(&api, &request).await?;
    keep(&out, format!("{held:#}\n").as_bytes())?;
    let count = |part: &str| held.get(part).and_then(Value::as_array).map_or(0, Vec::len);
    output::note(&format!(
        "written to {}: {} members, {} traces, {} decisions, {} approvals",
        out.display(),
        count("members"),
        count("traces"),
        count("decisions"),
        count("approvals"),
    ))
}

/// Each owner answers its own part.
async fn held(api: &Api, request: &str) -> Result<Value, Failure> {
    let path = ["privacy", "requests", request, "data"];
    let known = list::data(api.get(&path, &[]).await?);
    let subjects = known.pointer("/request/subjects").and_then(Value::as_array);
    let subjects = subjects.into_iter().flatten().filter_map(Value::as_str);
    let (mut traces, mut decisions, mut approvals) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects {
        let user = [("userId".to_owned(), subject.to_owned())];
        for id in ids(&all(api, "traces", &user).await?, "traceId") {
            traces.push(list::data(api.get(&["traces", &id], &[]).await?));
        }
        let of_user = all(api, "decisions", &user).await?;
        for id in ids(&of_user, "approvalRequestId") {
            approvals.push(list::data(api.get(&["approvals", &id], &[]).await?));
        }
        decisions.extend(of_user);
    }
    Ok(json!({
        "format": "writ-privacy-export/1",
        "request": known.get("request"),
        "members": known.get("members"),
        "traces": traces,
        "decisions": decisions,
        "approvals": approvals,
    }))
}

async fn all(api: &Api, what: &str, query: &[(String, String)]) -> Result<Vec<Value>, Failure> {
    list::some(api, &[what], query, usize::MAX).await
}

/// Each id once.
fn ids(items: &[Value], field: &str) -> BTreeSet<String> {
    let ids = items.iter().filter_map(|item| item[field].as_str());
    ids.map(str::to_owned).collect()
}
