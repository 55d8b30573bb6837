//! Marks: in this decision the policy should not have hit.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use writ_contract::{DecisionId, PolicyId, wire};
use writ_pg::{PgError, TenantTx};

use super::{Policies, store};
use crate::error::{Error, Refusal};
use crate::write::{About, Actor, unsigned};

const REASON: usize = 1_000;

/// A decision in which somebody said that the policy should not have hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "FalsePositive")]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The policy.
    pub policy_id: PolicyId,
    /// The decision.
    pub decision_id: DecisionId,
    /// Why; never in a fact.
    pub reason: String,
    /// Who says so.
    pub marked_by: String,
    /// When.
    pub marked_at: DateTime<Utc>,
}

/// `POST /policies/{id}/false-positives`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "NewFalsePositive")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Say {
    decision_id: DecisionId,
    /// Why, 1 to 1000 characters.
    reason: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    policy_id: Uuid,
    decision_id: Uuid,
    reason: String,
    actor: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for Mark {
    fn from(row: Row) -> Self {
        Self {
            policy_id: PolicyId(row.policy_id),
            decision_id: DecisionId(row.decision_id),
            reason: row.reason,
            marked_by: row.actor,
            marked_at: row.created_at,
        }
    }
}

impl Policies {
    /// Marks a hit of the policy as false; of a decision that is marked already the first mark
    /// stays, and the flag is false.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], [`Refusal::Invalid`], or the store's trouble.
    pub async fn mark(&self, actor: &Actor, id: Uuid, say: &Say) -> Result<(Mark, bool), Error> {
        let reason = say.reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON {
            let problem = format!("1 to {REASON} characters");
            return Err(Refusal::field("reason", &problem).into());
        }
        let mark = Mark {
            policy_id: PolicyId(id),
            decision_id: say.decision_id,
            reason: reason.to_owned(),
            marked_by: actor.name.clone(),
            marked_at: self.writes.clock().now(),
        };
        let mut tx = self.writes.begin(actor.org).await?;
        let policy = store::ever(&mut tx, id).await?;
        if !insert(&mut tx, &mark).await? {
            return Ok((find(&mut tx, id, mark.decision_id.0).await?, false));
        }
        let about = About {
            id: &format!("{}-{}", mark.decision_id, mark.policy_id),
            version: 1,
            verb: "marked",
            action: "false_positive.mark",
            reason_code: "",
        };
        let fact = wire::FalsePositive {
            policy_id: PolicyId(policy.id).to_bytes(),
            decision_id: mark.decision_id.to_bytes(),
        };
        let event = self.writes.event(actor, about, &fact);
        self.writes.store(tx, &[event]).await?;
        Ok((mark, true))
    }

    /// The marks of a policy after a decision's id, in the order of the decisions, and how many
    /// there are altogether.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotFound`], or the store's trouble.
    pub async fn marks(
        &self,
        org: Uuid,
        id: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<Mark>, u64), Error> {
        let mut tx = self.writes.begin(org).await?;
        store::ever(&mut tx, id).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select policy_id, decision_id, reason, actor, created_at from false_positives
             where policy_id = $1 and decision_id > $2 order by decision_id limit $3",
        )
        .bind(id)
        .bind(after.unwrap_or(Uuid::nil()))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(PgError::from)?;
        let total = sqlx::query_scalar("select count(*) from false_positives where policy_id = $1")
            .bind(id)
            .fetch_one(&mut *tx)
            .await
            .map_err(PgError::from)?;
        Ok((rows.into_iter().map(Mark::from).collect(), unsigned(total)))
    }
}

async fn insert(tx: &mut TenantTx, mark: &Mark) -> Result<bool, PgError> {
    let org = tx.org();
    let done = sqlx::query(
        "insert into false_positives values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
    )
    .bind(org)
    .bind(mark.policy_id.0)
    .bind(mark.decision_id.0)
    .bind(&mark.reason)
    .bind(&mark.marked_by)
    .bind(mark.marked_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn find(tx: &mut TenantTx, policy: Uuid, decision: Uuid) -> Result<Mark, PgError> {
    let row: Row = sqlx::query_as(
        "select policy_id, decision_id, reason, actor, created_at from false_positives
         where policy_id = $1 and decision_id = $2",
    )
    .bind(policy)
    .bind(decision)
    .fetch_one(&mut **tx)
    .await?;
    Ok(row.into())
}
