//! The writes of a plan, each safe to repeat.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use reqwest::Method;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use writ_contract::PolicyId;

use super::form::Form;
use super::plan::{Action, Plan, Step};
use super::server::{self, Stored};
use crate::api::Api;
use crate::failure::Failure;
use crate::list;
use crate::output;

/// How often a key is found used up by a policy that is gone.
const KEYS: usize = 50;

/// Does steps, and knows the ids of what is there.
pub(super) struct Writer<'a> {
    api: &'a Api,
    ids: BTreeMap<String, Uuid>,
    /// Ids that were there before the first step.
    before: Vec<Uuid>,
}

impl<'a> Writer<'a> {
    /// Nothing is written yet.
    pub(super) fn new(api: &'a Api, plan: &Plan) -> Self {
        Self {
            api,
            ids: plan.known.clone(),
            before: plan.stored.clone(),
        }
    }

    /// Does all steps, or says which were done and which were not.
    pub(super) async fn write(mut self, steps: &[Step]) -> Result<(), Failure> {
        for (at, step) in steps.iter().enumerate() {
            if let Err(failure) = self.step(step).await {
                tell(steps, at, &failure)?;
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
            if !deleted && !self.before.contains(&policy.id) {
                return match made == *form {
                    true => Ok(policy.id),
                    false => Err(Failure::Refused(format!(
                        "{} is not kept as it was sent: somebody changed it at once; look at \
                         `writ policy diff` and apply again",
                        PolicyId(policy.id)
                    ))),
                };
            }
            let next = format!("{key}/{}/{}", policy.id, policy.version);
            key = hex::encode(Sha256::digest(next));
        }
        Err(Failure::Refused(
            "this policy was created and deleted too often: change its description".into(),
        ))
    }

    fn names(&self) -> HashMap<Uuid, String> {
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
fn tell(steps: &[Step], failed: usize, failure: &Failure) -> Result<(), Failure> {
    for (at, step) in steps.iter().enumerate() {
        let became = match (at.cmp(&failed), failure) {
            (Ordering::Less, _) => "done",
            (Ordering::Equal, Failure::Unavailable(_)) => "done or not",
            (Ordering::Equal, _) => "failed",
            (Ordering::Greater, _) => "not done",
        };
        output::note(&format!("{became}: {} {}", step.action.word(), step.name))?;
    }
    Ok(())
}
