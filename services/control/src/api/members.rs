//! Members of the organisation.

use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;
use writ_access::Role;
use writ_contract::PersonId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::Routes;

use super::agents::etag;
use super::extract::{By, IfMatch, ListQuery, cursor};
use super::status::status_of;
use super::{ADMIN, State, VIEWER};
use crate::error::{Error, Refusal};
use crate::identity::{Add, Change, Member, SignIn};

/// A member of the organisation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Member")]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: PersonId,
    name: String,
    email: Option<String>,
    /// Who it is to an OIDC issuer.
    sign_in: Option<SignIn>,
    /// `viewer`, `developer`, `admin` or `owner`: no key of this person does more.
    role: &'static str,
    /// May decide approvals, whatever the role.
    approver: bool,
    /// Agents that were handed over to one of these are this member's, too.
    teams: Vec<String>,
    removed_at: Option<DateTime<Utc>>,
    /// Counts its changes; the `ETag`.
    version: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/members", ADMIN, list)
        .says("List members", "")
        .answers::<Page<Shown>>(200)
        .post("/members", ADMIN, add)
        .says(
            "Add a member",
            "Needs `name` and `role`, at most one's own. Issue keys for the member with `person` of \
             `POST /keys`.",
        )
        .makes::<Data<Shown>>()
        .get("/members/{id}", VIEWER, get)
        .says("Get a member", "`me` is the holder of the key. Others need the role `admin`.")
        .answers::<Data<Shown>>(200)
        .patch("/members/{id}", ADMIN, change)
        .says(
            "Change a member",
            "Fields that are absent stay. `approver` lets somebody below the role `admin` decide \
             approvals. The last owner stays one.",
        )
        .answers::<Data<Shown>>(200)
        .delete("/members/{id}", ADMIN, remove)
        .says(
            "Remove a member",
            "Revokes all keys of the member. The last owner stays.",
        )
        .answers::<Data<Shown>>(200)
}

async fn add(
    Shared(state): Shared<State>,
    by: By,
    Strict(body): Strict<Add>,
) -> Result<Response, ApiError> {
    known(&state, &by, body.sign_in()).await?;
    let added = state.identity.add_member(&by.caller, &by.actor, &body);
    let (member, is_new) = added.await?;
    let status = status_of(is_new);
    Ok((status, answer(&member)).into_response())
}

async fn list(
    Shared(state): Shared<State>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Shown>>, ApiError> {
    let page = state
        .identity
        .members(by.org(), query.after_id()?, query.limit());
    let (members, next) = page.await?;
    Ok(Json(Page {
        data: members.iter().map(shown).collect(),
        next_cursor: next.map(|id| cursor(0, id)),
    }))
}

async fn get(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let me = by.caller.person();
    let id = if id == "me" {
        me.ok_or(Refusal::MemberNotFound)?
    } else {
        &id
    };
    if me != Some(id) {
        by.require(Role::Admin)?;
    }
    Ok(answer(&state.identity.member(by.org(), parse(id)?).await?))
}

async fn change(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
    IfMatch(if_match): IfMatch,
    Strict(body): Strict<Change>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    known(&state, &by, body.sign_in()).await?;
    let changed = state
        .identity
        .change_member(&by.caller, &by.actor, id, if_match, &body);
    Ok(answer(&changed.await?))
}

async fn remove(
    Shared(state): Shared<State>,
    by: By,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    let removed = state.identity.remove_member(&by.caller, &by.actor, id);
    Ok(answer(&removed.await?))
}

/// A member can be linked only to an issuer that is there.
async fn known(state: &State, by: &By, link: Option<&SignIn>) -> Result<(), Error> {
    let Some(link) = link else {
        return Ok(());
    };
    match state.issuers.get(by.org(), link.issuer.0).await {
        Err(Error::Refused(Refusal::IssuerNotFound)) => {
            Err(Refusal::field("signIn.issuer", "no such OIDC issuer").into())
        }
        found => found.map(drop),
    }
}

/// An id that is none belongs to no member.
fn parse(id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<PersonId>();
    id.map(|id| id.0).map_err(|_| Refusal::MemberNotFound)
}

fn answer(member: &Member) -> Response {
    let body = Json(Data {
        data: shown(member),
    });
    ([(header::ETAG, etag(member.version))], body).into_response()
}

fn shown(member: &Member) -> Shown {
    Shown {
        id: PersonId(member.id),
        name: member.name.clone(),
        email: member.email.clone(),
        sign_in: member.sign_in.clone(),
        role: member.role.as_str(),
        approver: member.approver,
        teams: member.teams.clone(),
        removed_at: member.removed_at,
        version: member.version,
        created_at: member.created_at,
        updated_at: member.updated_at,
    }
}
