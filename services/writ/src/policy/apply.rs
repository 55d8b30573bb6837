//! `writ policy diff` and `writ policy apply`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::files::Sources;
use super::plan::{Action, Plan};
use super::server;
use super::validate;
use super::writer::Writer;
use crate::api::Api;
use crate::cli::Context;
use crate::failure::{DIFFERENT, Failure};
use crate::output::{self, Format};

/// What is compared.
#[derive(Args)]
pub(crate) struct Compared {
    #[command(flatten)]
    sources: Sources,
    /// Policies that the server has and the files do not are to be deleted
    #[arg(long)]
    prune: bool,
}

/// What is done about it.
#[derive(Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    compared: Compared,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Shows what differs; exit code 2 when something does.
pub(super) async fn diff(compared: &Compared, context: &Context) -> Result<ExitCode, Failure> {
    let (_, plan) = plan(compared, context).await?;
    show(&plan, context.format)?;
    Ok(match plan.steps.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DIFFERENT),
    })
}

/// Makes the server have what the files say.
pub(super) async fn apply(apply: &Apply, context: &Context) -> Result<ExitCode, Failure> {
    let (api, plan) = plan(&apply.compared, context).await?;
    let quiet = context.format.is_data() && !apply.dry_run;
    if !quiet {
        show(&plan, context.format)?;
    }
    if !plan.steps.is_empty() && !apply.dry_run {
        if !apply.yes {
            ask(plan.steps.len())?;
        }
        Writer::new(&api, &plan).write(&plan.steps).await?;
        output::note(&format!("{} applied", counted(plan.steps.len())))?;
    }
    if quiet {
        output::data(context.format, &plan.as_json())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that can be known before the first write.
async fn plan(compared: &Compared, context: &Context) -> Result<(Api, Plan), Failure> {
    let set = validate::valid(&compared.sources)?;
    if set.entries.is_empty() {
        return Err(Failure::Usage("no policy in these files".into()));
    }
    let api = context.api()?;
    let stored = server::policies(&api).await?;
    let agents = server::agents(&api, &set.entries).await?;
    let plan = Plan::new(&set.entries, &stored, &agents, compared.prune);
    let plan = plan.map_err(|wrong| Failure::Refused(wrong.join("; ")))?;
    Ok((api, plan))
}

fn counted(steps: usize) -> String {
    match steps {
        1 => "1 change".to_owned(),
        several => format!("{several} changes"),
    }
}

fn show(plan: &Plan, format: Format) -> Result<(), Failure> {
    if format.is_data() {
        return output::data(format, &plan.as_json());
    }
    for step in &plan.steps {
        output::text(&format!("{} {}", step.action.word(), step.name))?;
        if let Action::Update { changes, .. } = &step.action {
            for change in changes {
                let (from, to) = (shown(&change.from), shown(&change.to));
                output::text(&format!("  {}: {from} → {to}", change.field))?;
            }
        }
    }
    output::line(&format!(
        "{}, {} unchanged",
        counted(plan.steps.len()),
        plan.unchanged
    ))
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "nothing".to_owned();
    }
    value.to_string()
}

/// Only at a terminal can somebody be asked.
fn ask(steps: usize) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        let why = "nothing was done: nobody can be asked here, so add --yes";
        return Err(Failure::Usage(why.into()));
    }
    output::note(&format!("apply {}? [y/N]", counted(steps)))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Usage("nothing was done".into())),
    }
}
