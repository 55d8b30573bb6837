//! `writ policy diff` and `writ policy apply`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use writ_contract::PolicyId;

use super::files::Sources;
use super::form::Form;
use super::plan::{Action, Plan, Step};
use super::server::{self, Stored};
use super::validate;
use crate::api::Api;
use crate::cli::Context;
use crate::failure::{DIFFERENT, Failure};
use crate::list;
use crate::output::{self, Format};

/// How often a key is found used up by a policy that is gone.
const KEYS: usize = 50;

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
    let quiet = context.format == Format::Json && !apply.dry_run;
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
        output::json(&plan.as_json())?;
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
    if format == Format::Json {
        return output::json(&plan.as_json());
    }
    for step in &plan.steps {
        output::text(&format!("{} {}", step.action.word(), step.name))?;
        if let Action::Update { changes, .. } = &step.action {
            for change in changes {
                let (field, from, to) = (&change.field, &change.from, &change.to);
                output::text(&format!("  {field}: {from} → {to}"))?;
            }
        }
    }
    output::line(&format!(
        "{}, {} unchanged",
        counted(plan.steps.len()),
        plan.unchanged
    ))
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

/// Does steps, and knows the ids of what is there.
struct Writer<'a> {
    api: &'a Api,
    ids: BTreeMap<String, Uuid>,
    /// Ids that were there before the first step.
    before: Vec<Uuid>,
}

impl<'a> Writer<'a> {
    fn new(api: &'a Api, plan: &Plan) -> Self {
        Self {
            api,
            ids: plan.known.clone(),
            before: plan.known.values().copied().collect(),
        }
    }

    /// Does all steps, or says which were done and which were not.
    async fn write(mut self, steps: &[Step]) -> Result<(), Failure> {
        for (at, step) in steps.iter().enumerate() {
            if let Err(failure) = self.step(step).await {
                tell(steps, at)?;
                return Err(failure);
            }
        }
        self.no_twins(steps).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Failure> {
        match &step.action {
            Action::Create { body, form } => {
                let id = self.create(&self.with_ids(body), form).await?;
                self.ids.insert(step.name.clone(), id);
            }
            Action::Update {
                id, version, body, ..
            } => {
                let body = Value::Object(self.with_ids(body));
                self.change(Method::PATCH, *id, *version, Some(&body))
                    .await?;
            }
            Action::Delete { id, version } => {
                self.change(Method::DELETE, *id, *version, None).await?;
            }
        }
        Ok(())
    }

    /// Names of prerequisites as ids.
    fn with_ids(&self, body: &Form) -> Form {
        let mut body = body.clone();
        if let Some(Value::Array(names)) = body.get_mut("prerequisites") {
            for name in names {
                let id = name.as_str().and_then(|it| self.ids.get(it));
                if let Some(id) = id {
                    *name = PolicyId(*id).to_string().into();
                }
            }
        }
        body
    }

    /// Two who create the same at the same time create it once: the key is made of what is
    /// created. A key that an earlier life of the policy has used up is followed by the next.
    async fn create(&self, body: &Form, form: &Form) -> Result<Uuid, Failure> {
        let body = Value::Object(body.clone());
        let mut key = hex::encode(Sha256::digest(body.to_string()));
        for _ in 0..KEYS {
            let headers = [("idempotency-key", key.clone())];
            let answer = self
                .api
                .write(Method::POST, &["policies"], &headers, Some(&body));
            let answer = answer.await?;
            let deleted = answer.pointer("/data/deleted") == Some(&Value::Bool(true));
            let Stored { policy, form: made } = server::answered(answer, &self.names())?;
            if !deleted && !self.before.contains(&policy.id) && made == *form {
                return Ok(policy.id);
            }
            let next = format!("{key}/{}/{}", policy.id, policy.version);
            key = hex::encode(Sha256::digest(next));
        }
        Err(Failure::Refused(
            "somebody else creates and changes the same policy: run apply again".into(),
        ))
    }

    fn names(&self) -> std::collections::HashMap<Uuid, String> {
        let names = self.ids.iter();
        names.map(|(name, id)| (*id, name.clone())).collect()
    }

    /// Only if it is still the version that was compared.
    async fn change(
        &self,
        method: Method,
        id: Uuid,
        version: u64,
        body: Option<&Value>,
    ) -> Result<(), Failure> {
        let id = PolicyId(id).to_string();
        let headers = [("if-match", format!("\"{version}\""))];
        let path = ["policies", id.as_str()];
        let done = self.api.write(method, &path, &headers, body).await;
        let Err(failure) = done else {
            return Ok(());
        };
        let why = failure.to_string();
        if !why.contains("VERSION_MISMATCH") {
            return Err(failure);
        }
        Err(Failure::Refused(format!(
            "somebody changed {id} after it was compared: {why}; look at `writ policy diff` and \
             apply again"
        )))
    }

    /// Keys keep one writer from creating twice, not two writers with different content.
    async fn no_twins(&self, steps: &[Step]) -> Result<(), Failure> {
        let created = |it: &&Step| matches!(it.action, Action::Create { .. });
        let created: Vec<&str> = steps
            .iter()
            .filter(created)
            .map(|it| it.name.as_str())
            .collect();
        if created.is_empty() {
            return Ok(());
        }
        let there = list::all(self.api, &["policies"]).await?;
        for name in created {
            let called = |it: &&Value| it.get("name").and_then(Value::as_str) == Some(name);
            if there.iter().filter(called).count() > 1 {
                return Err(Failure::Refused(format!(
                    "all is applied, but somebody created another policy '{name}' at the same \
                     time: delete one"
                )));
            }
        }
        Ok(())
    }
}

/// What became of each step when one failed.
fn tell(steps: &[Step], failed: usize) -> Result<(), Failure> {
    for (at, step) in steps.iter().enumerate() {
        let became = match at.cmp(&failed) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => "failed",
            std::cmp::Ordering::Greater => "not done",
        };
        output::note(&format!("{became}: {} {}", step.action.word(), step.name))?;
    }
    Ok(())
}
