//! Which agents entries speak of, kept as they are appended.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::FromRow;
use uuid::Uuid;
use writ_pg::{TenantTx, WriterTx, fit};

use crate::domain::agent::Seen;
use crate::domain::{Index, NewEntry};
use crate::error::Error;

#[derive(FromRow)]
struct Row {
    agent_id: String,
    external_id: String,
    environment: String,
}

/// Keeps whom new entries speak of, in the transaction that appends them.
pub(crate) async fn save_agents(tx: &mut WriterTx, entries: &[NewEntry]) -> Result<(), Error> {
    type Names<'a> = (Uuid, Cow<'a, str>, Cow<'a, str>);
    let mut seen: BTreeMap<Names<'_>, Cow<'_, str>> = BTreeMap::new();
    for (entry, index) in entries.iter().map(|it| (it, &it.index)) {
        let Some((id, external_id)) = named(index) else {
            continue;
        };
        let environment = seen.entry((entry.org.0, id, external_id)).or_default();
        if let Some(stated) = &index.environment {
            *environment = fit::text(stated);
        }
    }
    if seen.is_empty() {
        return Ok(());
    }
    // Hardly any is new: those that are known are not even locked.
    sqlx::query(
        "insert into agents_seen (org_id, agent_id, external_id, environment)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
             as said(org_id, agent_id, external_id, environment)
         where not exists (
             select from agents_seen known
             where (known.org_id, known.agent_id, known.external_id)
                   = (said.org_id, said.agent_id, said.external_id)
               and said.environment in ('', known.environment))
         on conflict (org_id, agent_id, external_id) do update
           set environment = excluded.environment",
    )
    .bind(seen.keys().map(|(org, _, _)| *org).collect::<Vec<_>>())
    .bind(
        seen.keys()
            .map(|(_, id, _)| id.as_ref())
            .collect::<Vec<&str>>(),
    )
    .bind(
        seen.keys()
            .map(|(_, _, name)| name.as_ref())
            .collect::<Vec<&str>>(),
    )
    .bind(seen.values().map(AsRef::as_ref).collect::<Vec<&str>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Its UUID and what its application calls it, either empty where the entry does not say.
fn named(index: &Index) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let id = index.agent_id.as_deref().unwrap_or_default();
    let external_id = index.agent_external_id.as_deref().unwrap_or_default();
    let said = !id.is_empty() || !external_id.is_empty();
    said.then(|| (fit::text(id), fit::text(external_id)))
}

/// Those with this UUID or name, and all that have a name with one of them in common or whose UUID is
/// such a name. What is no more than a name of somebody is not followed to the agent whose UUID it is.
pub(crate) async fn agents(tx: &mut TenantTx, asked: &str) -> Result<Vec<Seen>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "with ids as (
             select agent_id from agents_seen
             where agent_id <> '' and (agent_id = $1 or external_id = $1)),
         names as (
             select external_id from agents_seen
             where external_id <> '' and agent_id in (select * from ids)
             union select agent_id from ids union select $1)
         select agent_id, external_id, environment from agents_seen
         where agent_id in (select * from names) or external_id in (select * from names)
         order by agent_id, external_id",
    )
    .bind(asked)
    .fetch_all(&mut **tx)
    .await?;
    let seen = |row: Row| Seen {
        id: row.agent_id,
        external_id: row.external_id,
        environment: row.environment,
    };
    Ok(rows.into_iter().map(seen).collect())
}
