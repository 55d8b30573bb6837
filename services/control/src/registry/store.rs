//! All SQL about agents.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;
use writ_pg::{PgError, TenantTx};

use super::agent::{Agent, AgentRef, Strictness};
use super::owner::Holder;
use crate::error::{Error, Refusal};
use crate::write::{signed, unsigned};

/// What `GET /agents` asks for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Matches external id and name, ignoring case.
    pub text: Option<String>,
    /// Exactly this environment.
    pub environment: Option<String>,
    /// The archived ones instead of the others.
    pub archived: bool,
    /// After this row of the order.
    pub after: Option<(i32, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

/// Some agents and where the next ones begin.
#[derive(Debug)]
pub struct Page {
    /// In order.
    pub agents: Vec<Agent>,
    /// Rank and id of the last one, when there are more.
    pub next: Option<(i32, Uuid)>,
}

/// When an agent was last heard of.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat {
    /// Its organisation.
    pub org: Uuid,
    /// Which agent.
    pub agent: Uuid,
    /// When.
    pub at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    agent_id: Uuid,
    external_id: String,
    name: String,
    environment: String,
    agent_type: String,
    platform: String,
    description: Option<String>,
    owner_email: Option<String>,
    allowed_data_sources: Vec<String>,
    allowed_actions: Vec<String>,
    requires_human_approval_for: Vec<String>,
    tags: Vec<String>,
    metadata: Json<serde_json::Value>,
    autonomy_level: Option<String>,
    outcome_strictness: String,
    capabilities: Vec<String>,
    owners: Vec<String>,
    teams: Vec<String>,
    paused: bool,
    pause_reason: String,
    kill_version: i64,
    archived: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
}

/// Whose an agent is.
#[derive(Debug, sqlx::FromRow)]
struct Owned {
    agent_id: Uuid,
    owners: Vec<String>,
    owner_email: Option<String>,
    teams: Vec<String>,
}

impl From<Row> for Agent {
    fn from(row: Row) -> Self {
        Self {
            id: row.agent_id,
            external_id: row.external_id,
            name: row.name,
            environment: row.environment,
            agent_type: row.agent_type,
            platform: row.platform,
            description: row.description,
            owner_email: row.owner_email,
            allowed_data_sources: row.allowed_data_sources,
            allowed_actions: row.allowed_actions,
            requires_human_approval_for: row.requires_human_approval_for,
            tags: row.tags,
            metadata: row.metadata.0,
            autonomy_level: row.autonomy_level,
            strictness: Strictness::read(&row.outcome_strictness).unwrap_or_default(),
            declared: row.capabilities,
            owners: row.owners,
            teams: row.teams,
            paused: row.paused,
            pause_reason: row.pause_reason,
            kill_version: unsigned(row.kill_version),
            archived: row.archived,
            version: unsigned(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_seen_at: row.last_seen_at,
        }
    }
}

/// False when an agent of that external id and environment is there already.
pub(super) async fn insert(tx: &mut TenantTx, agent: &Agent) -> Result<bool, PgError> {
    let org = tx.org();
    let done = sqlx::query(
        "insert into agents (org_id, agent_id, external_id, name, environment, agent_type, platform,
           description, owner_email, allowed_data_sources, allowed_actions,
           requires_human_approval_for, tags, metadata, autonomy_level, owners, paused,
           pause_reason, kill_version, archived, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, false, '',
           0, false, 1, $17, $17)
         on conflict (org_id, external_id, environment) do nothing",
    )
    .bind(org)
    .bind(agent.id)
    .bind(&agent.external_id)
    .bind(&agent.name)
    .bind(&agent.environment)
    .bind(&agent.agent_type)
    .bind(&agent.platform)
    .bind(&agent.description)
    .bind(&agent.owner_email)
    .bind(&agent.allowed_data_sources)
    .bind(&agent.allowed_actions)
    .bind(&agent.requires_human_approval_for)
    .bind(&agent.tags)
    .bind(Json(&agent.metadata))
    .bind(&agent.autonomy_level)
    .bind(&agent.owners)
    .bind(agent.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Refuses an external id that is the UUID of an agent: what is said of one would be taken for the
/// other's.
pub(super) async fn is_no_id(tx: &mut TenantTx, external_id: &str) -> Result<(), Error> {
    let Ok(id) = external_id.parse::<Uuid>() else {
        return Ok(());
    };
    let taken: bool = sqlx::query_scalar("select exists (select from agents where agent_id = $1)")
        .bind(id)
        .fetch_one(&mut **tx)
        .await
        .map_err(PgError::from)?;
    if taken {
        let why = "agentId: is the UUID of a registered agent: use that agent's own agentId";
        return Err(Refusal::Invalid(vec![why.to_owned()]).into());
    }
    Ok(())
}

/// How many agents are not archived, counted by one transaction of the organisation at a time.
pub(super) async fn count_alone(tx: &mut TenantTx) -> Result<u64, PgError> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('control.agents'), hashtext($1))")
        .bind(tx.org().to_string())
        .execute(&mut **tx)
        .await?;
    count(tx).await
}

/// How many agents are not archived.
pub(super) async fn count(tx: &mut TenantTx) -> Result<u64, PgError> {
    let count = sqlx::query_scalar("select count(*) from agents where not archived")
        .fetch_one(&mut **tx)
        .await?;
    Ok(unsigned(count))
}

pub(super) async fn update(tx: &mut TenantTx, agent: &Agent) -> Result<(), PgError> {
    sqlx::query(
        "update agents set name = $2, agent_type = $3, platform = $4, description = $5,
           owner_email = $6, allowed_data_sources = $7, allowed_actions = $8,
           requires_human_approval_for = $9, tags = $10, metadata = $11, autonomy_level = $12,
           paused = $13, pause_reason = $14, kill_version = $15, archived = $16, version = $17,
           updated_at = $18, owners = $19, outcome_strictness = $20, capabilities = $21,
           teams = $22
         where agent_id = $1",
    )
    .bind(agent.id)
    .bind(&agent.name)
    .bind(&agent.agent_type)
    .bind(&agent.platform)
    .bind(&agent.description)
    .bind(&agent.owner_email)
    .bind(&agent.allowed_data_sources)
    .bind(&agent.allowed_actions)
    .bind(&agent.requires_human_approval_for)
    .bind(&agent.tags)
    .bind(Json(&agent.metadata))
    .bind(&agent.autonomy_level)
    .bind(agent.paused)
    .bind(&agent.pause_reason)
    .bind(signed(agent.kill_version))
    .bind(agent.archived)
    .bind(signed(agent.version))
    .bind(agent.updated_at)
    .bind(&agent.owners)
    .bind(agent.strictness.as_str())
    .bind(&agent.declared)
    .bind(&agent.teams)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One agent, its row locked until the transaction ends.
pub(super) async fn lock(tx: &mut TenantTx, reference: &AgentRef) -> Result<Agent, Error> {
    let found = find(tx, reference).await?;
    let row: Row = sqlx::query_as("select * from agents where agent_id = $1 for update")
        .bind(found.id)
        .fetch_one(&mut **tx)
        .await
        .map_err(PgError::from)?;
    Ok(row.into())
}

pub(super) async fn find(tx: &mut TenantTx, reference: &AgentRef) -> Result<Agent, Error> {
    let rows: Vec<Row> = match reference {
        AgentRef::Id(id) => {
            sqlx::query_as("select * from agents where agent_id = $1")
                .bind(id)
                .fetch_all(&mut **tx)
                .await
        }
        AgentRef::External(id, environment) => {
            sqlx::query_as(
                "select * from agents
                 where external_id = $1 and ($2::text is null or environment = $2) limit 2",
            )
            .bind(id)
            .bind(environment)
            .fetch_all(&mut **tx)
            .await
        }
    }
    .map_err(PgError::from)?;
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row.into()),
        (Some(_), Some(_)) => Err(Refusal::AgentAmbiguous.into()),
        (None, _) => Err(Refusal::AgentNotFound.into()),
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Ranked {
    rank: i32,
    #[sqlx(flatten)]
    row: Row,
}

/// Rank 0 is an exact match of the searched text, so that it is always on the first page.
pub(super) async fn list(tx: &mut TenantTx, search: &Search) -> Result<Page, Error> {
    let (rank, id) = search.after.unwrap_or((-1, Uuid::nil()));
    let mut rows: Vec<Ranked> = sqlx::query_as(
        "select * from (
           select *, case when $1::text is null or external_id = $1 or name = $1
                          then 0 else 1 end as rank
           from agents
           where ($1::text is null or strpos(lower(external_id), lower($1)) > 0
                                   or strpos(lower(name), lower($1)) > 0)
             and ($2::text is null or environment = $2) and archived = $6
         ) found
         where (rank, agent_id) > ($3, $4) order by rank, agent_id limit $5",
    )
    .bind(&search.text)
    .bind(&search.environment)
    .bind(rank)
    .bind(id)
    .bind(i64::from(search.limit) + 1)
    .bind(search.archived)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    let more = rows.len() > search.limit as usize;
    rows.truncate(search.limit as usize);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|last| (last.rank, last.row.agent_id));
    Ok(Page {
        agents: rows.into_iter().map(|ranked| ranked.row.into()).collect(),
        next,
    })
}

pub(super) async fn owned(
    tx: &mut TenantTx,
    agents: &[Uuid],
    holder: Option<&Holder>,
) -> Result<(Vec<Uuid>, Vec<Uuid>), Error> {
    let rows: Vec<Owned> = sqlx::query_as(
        "select agent_id, owners, owner_email, teams from agents where agent_id = any($1)",
    )
    .bind(agents)
    .fetch_all(&mut **tx)
    .await
    .map_err(PgError::from)?;
    let known = |id: &&Uuid| rows.iter().any(|row| row.agent_id == **id);
    let missing = agents.iter().filter(|id| !known(id)).copied().collect();
    let foreign = rows.iter().filter(|row| {
        let (owners, email) = (&row.owners, row.owner_email.as_deref());
        !holder.is_some_and(|holder| holder.owns(owners, email, &row.teams))
    });
    Ok((missing, foreign.map(|row| row.agent_id).collect()))
}

/// Not a change of the agent: no version, no fact.
pub(super) async fn seen(
    connection: &mut PgConnection,
    heartbeats: &[Heartbeat],
) -> Result<(), PgError> {
    let column = |of: fn(&Heartbeat) -> Uuid| heartbeats.iter().map(of).collect::<Vec<_>>();
    let at: Vec<DateTime<Utc>> = heartbeats.iter().map(|beat| beat.at).collect();
    sqlx::query(
        "update agents set last_seen_at = greatest(last_seen_at, beat.at)
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as beat(org, agent, at)
         where org_id = beat.org and agent_id = beat.agent",
    )
    .bind(column(|beat| beat.org))
    .bind(column(|beat| beat.agent))
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}
