//! One use of a certificate: claimed in the store, then recorded on the gate behind the kill
//! fence.
//!
//! The claim is one `UPDATE … WHERE used_at IS NULL … RETURNING`, committed before the gate hears
//! of it, so of any number of callers one goes on. It is given back only when the gate is known
//! not to have stored the record. Whoever dies in between leaves the claim behind: the certificate
//! is used up, and the reader of the gate writes down what the gate has.

use std::time::Duration;

use serde_json::Value;
use subtle::ConstantTimeEq as _;
use writ_chain::action;
use writ_chain::certificate::SignedCertificate;
use writ_contract::pause::tools_named;
use writ_contract::{ApprovalId, OrgId, Shard};
use writ_eventlog::{Expect, PublishError};

use super::Desk;
use crate::domain::{Event, Party, Redeem, Refusal, State, Used};
use crate::error::Error;
use crate::facts::{self, Actor, Stamp};
use crate::metrics;
use crate::store::{self, Entry};

/// How long the gate may take to store the record.
const RECORD_WITHIN: Duration = Duration::from_secs(2);
/// How long to wait for a pause that the gate has and this replica has not read yet.
const PAUSE_WITHIN: Duration = Duration::from_secs(1);
/// How many pauses in a row one use outlasts.
const ATTEMPTS: u32 = 5;

/// What became of an attempt to use a certificate.
#[derive(Debug)]
pub(crate) enum Redeemed {
    /// Recorded on the gate: the act may be done.
    Valid(Box<SignedCertificate>),
    /// It may not, and why.
    Invalid(Refusal),
}

impl Desk {
    /// Uses the certificate of a request for the act described by `context`, the JSON text of its
    /// action context. A refusal burns nothing.
    ///
    /// # Errors
    /// Trouble of the store or the log: nobody knows, so nobody may act.
    pub(crate) async fn redeem(
        &self,
        org: OrgId,
        by: &Party,
        id: ApprovalId,
        context: &str,
    ) -> Result<Redeemed, Error> {
        if !self.pauses.caught_up() {
            return Err(Error::Starting);
        }
        let redeemed = self.try_redeem(org, by, id, context).await?;
        metrics::verified(match &redeemed {
            Redeemed::Valid(_) => "valid".to_owned(),
            Redeemed::Invalid(refusal) => refusal.to_string(),
        });
        Ok(redeemed)
    }

    async fn try_redeem(
        &self,
        org: OrgId,
        by: &Party,
        id: ApprovalId,
        context: &str,
    ) -> Result<Redeemed, Error> {
        let mut tx = self.pools.api.begin(org.0).await?;
        let Some(entry) = store::find(&mut tx, org, id).await? else {
            return Ok(Redeemed::Invalid(Refusal::Unanchored));
        };
        let certificate = self.certificate(&entry);
        let tools = tools_of(context);
        let redeem = Redeem {
            by: by.key,
            same_act: self.same_act(&entry.state, context),
            genuine: certificate.is_some(),
            paused: self.pauses.stops(&entry.state, &tools),
            event: self.new_event(),
        };
        let used = match redeem.decide(&entry.state, &self.facts()) {
            Ok(Event::Claimed(used)) => used,
            // Deciding a use gives a claim and nothing else.
            Ok(_) => return Ok(Redeemed::Invalid(Refusal::Unanchored)),
            Err(Refusal::Mismatch) => {
                drop(tx);
                return self.mismatched(org, by, id).await;
            }
            Err(refusal) => return Ok(Redeemed::Invalid(refusal)),
        };
        let Some(certificate) = certificate else {
            return Ok(Redeemed::Invalid(Refusal::Tampered));
        };
        if !store::claim(&mut tx, id, used.event, used.at).await? {
            return Ok(Redeemed::Invalid(Refusal::AlreadyUsed));
        }
        tx.commit().await?;
        let refused = self.record(&entry, by, used, &tools).await?;
        Ok(refused.map_or(Redeemed::Valid(Box::new(certificate)), Redeemed::Invalid))
    }

    /// Puts the claimed use on the gate. `Some` when the agent or a tool was paused before it got there; the
    /// claim has then been given back.
    async fn record(
        &self,
        entry: &Entry,
        by: &Party,
        used: Used,
        tools: &[String],
    ) -> Result<Option<Refusal>, Error> {
        let state = &entry.state;
        let shard = Shard::of(state.org);
        let (subject, kill) = facts::gate(self.log.topology(), state.org);
        let stamp = Stamp {
            id: used.event,
            at: used.at,
            actor: Actor::Key(by.clone()),
        };
        let mut fence = self.pauses.fence(shard);
        for _ in 0..ATTEMPTS {
            // The fence was read before this, so a pause that comes later moves it.
            if self.pauses.stops(state, tools) {
                self.release(state, used).await?;
                return Ok(Some(Refusal::AgentPaused));
            }
            let envelope = facts::consumed(entry, &stamp, fence.applied);
            let expect = Expect {
                subject: kill.clone(),
                sequence: fence.expected,
            };
            let sent = self
                .log
                .publish_fact(&subject, &envelope, Some(&expect), RECORD_WITHIN)
                .await;
            match sent {
                Ok(_) => return Ok(None),
                Err(PublishError::Conflict) => {}
                // Stored or not, nobody knows: the claim stays.
                Err(unknown @ PublishError::Unknown) => return Err(unknown.into()),
                Err(not_stored @ (PublishError::Unavailable(_) | PublishError::Refused(_))) => {
                    self.release(state, used).await?;
                    return Err(not_stored.into());
                }
            }
            fence = self.pauses.next_fence(shard, fence, PAUSE_WITHIN).await;
        }
        self.release(state, used).await?;
        Err(PublishError::Conflict.into())
    }

    async fn release(&self, state: &State, used: Used) -> Result<(), Error> {
        let mut tx = self.pools.api.begin(state.org.0).await?;
        store::release(&mut tx, state.id, used.event).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down that somebody asked to do something else.
    async fn mismatched(&self, org: OrgId, by: &Party, id: ApprovalId) -> Result<Redeemed, Error> {
        let mut tx = self.pools.api.begin(org.0).await?;
        if let Some(entry) = store::lock(&mut tx, org, id).await? {
            let actor = Actor::Key(by.clone());
            self.apply_in(tx, entry, &Event::Mismatched, actor).await?;
        }
        Ok(Redeemed::Invalid(Refusal::Mismatch))
    }

    /// The certificate as it was signed for this request; `None` when it is not.
    fn certificate(&self, entry: &Entry) -> Option<SignedCertificate> {
        let signed: SignedCertificate = serde_json::from_str(entry.certificate.as_deref()?).ok()?;
        let trusted = [self.signer.verifier().clone()];
        let stated = signed.verify(&trusted).ok()?;
        let state = &entry.state;
        let same = stated.id == state.id.to_string()
            && stated.org == state.org.to_string()
            && stated.action_digest == hex::encode(state.action_digest);
        same.then_some(signed)
    }

    /// Whether the text is an action context, and the one that was held.
    fn same_act(&self, state: &State, context: &str) -> bool {
        let Ok(canonical) = action::context_from(context) else {
            return false;
        };
        let digest = self.digest.for_org(state.org).digest(&canonical);
        digest.ct_eq(&state.action_digest).into()
    }
}

/// The tools the act names; none when the text is no action context, which is refused anyway.
fn tools_of(context: &str) -> Vec<String> {
    let context: Value = serde_json::from_str(context).unwrap_or_default();
    let listed = context.get("tools").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let input = context.get("input").and_then(Value::as_str);
    let named = tools_named(listed, input.unwrap_or_default());
    named.map(str::to_owned).collect()
}
