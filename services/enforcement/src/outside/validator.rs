//! Asks one validator: a signed request, a strict answer.

use std::sync::Arc;

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use writ_contract::{OrgId, wire};
use writ_egress::{Client, Message, Secret, sign_question};
use writ_policy::{Answer, Request};
use writ_seal::Sealer;
use writ_service_kit::{Clock, ids};

use super::Unusable;
use super::validators::Validator;

/// Longest reason that is kept, in characters.
const REASON: usize = 1_024;

/// Signs and sends.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) client: Client,
    pub(super) sealer: Sealer,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a validator is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    organization_id: String,
    agent_id: String,
    agent_name: &'a str,
    environment: &'a str,
    input: &'a str,
    tools: &'a [String],
    metadata: Option<&'a Value>,
    estimated_cost: Option<f64>,
    timestamp: String,
}

/// What a validator may say; anything else is no answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    decision: Word,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Allow,
    Deny,
    RequireApproval,
}

impl Asker {
    pub(super) async fn ask(
        &self,
        org: OrgId,
        validator: &Validator,
        request: &Request,
    ) -> Result<Answer, Unusable> {
        let unsealed = self.sealer.open(
            &validator.secret,
            &wire::Validator::place(org, validator.id),
        );
        let secret = unsealed.map_err(|error| Unusable(error.to_string()))?;
        let secret = Secret::verbatim(&secret).map_err(|error| Unusable(error.to_string()))?;
        let body = self.body(org, request)?;
        let message = Message {
            id: &ids::new_v7(&*self.clock).to_string(),
            timestamp_s: self.clock.now().timestamp(),
            body: &body,
        };
        let headers = sign_question(message, &validator.id.to_string(), &secret);
        let headers = headers.map_err(|error| Unusable(error.to_string()))?;
        let answer = self.client.post(&validator.url, headers, body).await;
        let answer = answer.map_err(|error| Unusable(error.to_string()))?;
        if !answer.is_success() {
            return Err(Unusable(format!("it answered {}", answer.status)));
        }
        read(answer.body())
    }

    fn body(&self, org: OrgId, request: &Request) -> Result<String, Unusable> {
        let agent = &request.agent;
        let told = Told {
            organization_id: org.to_string(),
            agent_id: match agent.id.is_nil() {
                true => agent.external_id.clone(),
                false => agent.id.to_string(),
            },
            agent_name: &agent.name,
            environment: request.environment(),
            input: &request.input,
            tools: &request.tools,
            metadata: request.metadata.as_ref(),
            estimated_cost: request.estimated_cost,
            timestamp: self
                .clock
                .now()
                .to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        serde_json::to_string(&told).map_err(|error| Unusable(error.to_string()))
    }
}

fn read(body: Option<&[u8]>) -> Result<Answer, Unusable> {
    let body = body.ok_or_else(|| Unusable("its answer is too large".to_owned()))?;
    let said = serde_json::from_slice::<Said>(body)
        .map_err(|_| Unusable("its answer is not {decision, reason}".to_owned()))?;
    let reason: String = said.reason.unwrap_or_default();
    let reason = reason.chars().take(REASON).collect();
    Ok(match said.decision {
        Word::Allow => Answer::Allow { reason },
        Word::Deny => Answer::Deny { reason },
        Word::RequireApproval => Answer::RequireApproval { reason },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_answer_is_one() {
        let allowed = read(Some(br#"{"decision":"allow"}"#)).unwrap();
        let reason = String::new();
        assert_eq!(allowed, Answer::Allow { reason });
        for wrong in [
            &b""[..],
            b"allow",
            b"[]",
            b"{}",
            br#"{"decision":"ALLOW"}"#,
            br#"{"decision":"allow","decision":"deny"}"#,
            br#"{"decision":"allow","allowed":false}"#,
            br#"{"decision":"allow","reason":1}"#,
            br#"{"decision":"allow"} {"decision":"deny"}"#,
            b"\xff",
        ] {
            assert!(read(Some(wrong)).is_err(), "{wrong:?}");
        }
        assert!(read(None).is_err());
    }
}
