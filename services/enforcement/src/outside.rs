//! Puts the questions of policies to validators and models: all at once, each within its own time,
//! all within two seconds, equal ones once. Whatever goes wrong is an answer: [`Answer::Failed`].

mod cache;
pub mod config;
mod model;
mod models;
mod validator;
pub mod validators;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout};
use writ_contract::{OrgId, ValidatorId};
use writ_egress::{Client, Limits};
use writ_policy::{Answer, Answers, Call, Question, Request};
use writ_seal::Sealer;
use writ_service_kit::Clock;

use crate::error::BuildError;
use crate::metrics;
use crate::projection::ActivePolicy;
use config::{SemanticConfig, ValidatorsConfig};
use models::Models;
use validator::Asker;

/// How long all questions of one act may take together.
const TOGETHER: Duration = Duration::from_secs(2);

/// No usable answer, in words that may be shown; never what the other side said.
#[derive(Debug)]
struct Unusable(String);

/// Asks validators and models.
#[derive(Debug)]
pub(crate) struct Outside {
    state: Arc<ActivePolicy>,
    asker: Asker,
    models: Models,
}

impl Outside {
    /// Over the validators that control states.
    pub(crate) fn new(
        state: Arc<ActivePolicy>,
        sealer: Sealer,
        validators: ValidatorsConfig,
        semantic: &SemanticConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let limits = Limits {
            connect: TOGETHER,
            total: TOGETHER,
            // Half a second is too short for a new TLS connection each time.
            idle: 32,
            ..Limits::default()
        };
        let client = |rules| {
            Client::new(rules, limits).map_err(|error| BuildError::Config(error.to_string()))
        };
        Ok(Self {
            state,
            asker: Asker {
                client: client(validators.rules())?,
                sealer,
                clock,
            },
            models: Models::new(semantic, client(semantic.rules())?),
        })
    }

    /// The questions of one act, however often it is judged.
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking {
            outside: self,
            until: None,
            known: HashMap::new(),
            waited: Duration::ZERO,
        }
    }

    async fn ask(
        &self,
        org: OrgId,
        question: &Question,
        request: &Request,
        until: Instant,
    ) -> Answer {
        let started = Instant::now();
        let (kind, answer) = match question {
            Question::Validator { validator_id } => {
                let id = ValidatorId(*validator_id);
                ("validator", self.validator(org, id, request, until).await)
            }
            Question::Semantic {
                instruction,
                model,
                threshold,
                texts,
            } => {
                let asked = self.models.judge(org, model, instruction, texts, until);
                let answer = match asked.await {
                    Ok(verdict) => verdict.answer(*threshold),
                    Err(Unusable(reason)) => Answer::failed(reason),
                };
                ("semantic", answer)
            }
        };
        metrics::asked(kind, word(&answer), started.elapsed());
        answer
    }

    async fn validator(
        &self,
        org: OrgId,
        id: ValidatorId,
        request: &Request,
        until: Instant,
    ) -> Answer {
        let Some(validator) = self.state.validator(org, id) else {
            return Answer::failed("there is no such validator");
        };
        let given = until.min(Instant::now() + validator.timeout);
        let asked = self.asker.ask(org, &validator, request);
        let reason = match timeout_at(given, asked).await {
            Ok(answer) => return answer,
            Err(Unusable(reason)) => reason,
        };
        tracing::info!(%org, validator = %id, reason, "a validator gave no usable answer");
        Answer::Failed {
            reason,
            fail_open: validator.fail_open,
        }
    }
}

/// The questions of one act, and the answers got so far.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    outside: &'a Outside,
    /// Set when the first question is put.
    until: Option<Instant>,
    known: HashMap<Question, Answer>,
    waited: Duration,
}

impl Asking<'_> {
    /// Puts what has not been put yet, and adds the answer to every call.
    pub(crate) async fn answer(
        &mut self,
        org: OrgId,
        calls: Vec<Call>,
        request: &Request,
        answers: &mut Answers,
    ) {
        let started = Instant::now();
        let until = *self.until.get_or_insert(started + TOGETHER);
        let mut new: Vec<&Question> = Vec::new();
        for call in &calls {
            if !self.known.contains_key(&call.question) && !new.contains(&&call.question) {
                new.push(&call.question);
            }
        }
        let outside = self.outside;
        let asked = new.into_iter().map(|question| async move {
            let answer = outside.ask(org, question, request, until).await;
            (question.clone(), answer)
        });
        self.known.extend(join_all(asked).await);
        for call in calls {
            let known = self.known.get(&call.question).cloned();
            let answer = known.unwrap_or_else(|| Answer::failed("nobody was asked"));
            answers.insert(call.policy_id, answer);
        }
        self.waited += started.elapsed();
    }

    /// The time spent waiting since this was last asked.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

/// Gives up at a moment; what was under way is dropped and its connection closed.
async fn timeout_at<T>(
    at: Instant,
    work: impl Future<Output = Result<T, Unusable>>,
) -> Result<T, Unusable> {
    let left = at.saturating_duration_since(Instant::now());
    let late = |_| Err(Unusable("no answer in time".to_owned()));
    timeout(left, work).await.unwrap_or_else(late)
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allow { .. } => "allow",
        Answer::Deny { .. } => "deny",
        Answer::RequireApproval { .. } => "require_approval",
        Answer::Failed { .. } => "failed",
    }
}
