//! REST: `/webhooks`.

mod dto;
mod status;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use writ_access::{Caller, Role};
use writ_contract::WebhookId;
use writ_service_kit::ApiError;
use writ_service_kit::json::{Data, Page, Strict};
use writ_service_kit::routes::{Access, Authed, Gate, Once, Repeatable, Routes};
use writ_service_kit::trace::Traced;

use crate::command::{Asker, Commands, Create, Rotate};
use dto::{
    CreateDto, CreatedDto, Deleted, DeliveryDto, EndpointDto, PageQuery, RotateDto, RotatedDto,
};

const ADMIN: Access = Access::Role(Role::Admin);

pub(crate) fn routes(gate: Gate) -> Routes<Commands> {
    Routes::new(gate)
        .post("/webhooks", ADMIN, create)
        .says(
            "Create a webhook",
            "The secret is in this answer and nowhere else; a repeat does not show it.",
        )
        .makes::<Data<CreatedDto>>()
        .get("/webhooks", ADMIN, list)
        .says("List webhooks", "")
        .answers::<Page<EndpointDto>>(200)
        .get("/webhooks/{id}", ADMIN, get)
        .says("Get a webhook", "")
        .answers::<Data<EndpointDto>>(200)
        .delete("/webhooks/{id}", ADMIN, delete)
        .says(
            "Delete a webhook",
            "What waits for delivery to it is dropped.",
        )
        .answers::<Data<Deleted>>(200)
        .post("/webhooks/{id}/secret", ADMIN, rotate)
        .says(
            "Rotate the secret of a webhook",
            "Deliveries are signed with both secrets until the former one ends.",
        )
        .answers::<Data<RotatedDto>>(200)
        .get("/webhooks/{id}/deliveries", ADMIN, deliveries)
        .says("List deliveries of a webhook", "Latest first.")
        .answers::<Page<DeliveryDto>>(200)
}

type Asked = Result<Query<PageQuery>, QueryRejection>;

async fn create(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Traced(traceparent): Traced,
    Strict(body): Strict<CreateDto>,
) -> Result<(StatusCode, Json<Data<CreatedDto>>), ApiError> {
    let (wish, asker) = (Create::try_from(body)?, asked_by(caller, once, traceparent));
    let created = commands.create(&asker, wish).await;
    let created = created.map_err(status::answer)?;
    let status = match created.secret {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    Ok((status, one(created.into())))
}

async fn list(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    query: Asked,
) -> Result<Json<Page<EndpointDto>>, ApiError> {
    let range = dto::range(query)?;
    let rows = commands
        .list(&caller, range)
        .await
        .map_err(status::answer)?;
    Ok(dto::page(rows, range, |row| row.seq))
}

async fn get(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    Path(id): Path<String>,
) -> Result<Json<Data<EndpointDto>>, ApiError> {
    let row = commands
        .get(&caller, webhook(&id)?)
        .await
        .map_err(status::answer)?;
    Ok(one(row.into()))
}

async fn delete(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Traced(traceparent): Traced,
    Path(id): Path<String>,
) -> Result<Json<Data<Deleted>>, ApiError> {
    let (id, asker) = (webhook(&id)?, asked_by(caller, once, traceparent));
    let deleted = commands.delete(&asker, id).await;
    deleted.map_err(status::answer)?;
    Ok(one(Deleted { id, deleted: true }))
}

async fn rotate(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    Repeatable(once): Repeatable,
    Traced(traceparent): Traced,
    Path(id): Path<String>,
    Strict(body): Strict<RotateDto>,
) -> Result<Json<Data<RotatedDto>>, ApiError> {
    let (id, wish) = (webhook(&id)?, Rotate::try_from(body)?);
    let asker = asked_by(caller, once, traceparent);
    let rotated = commands.rotate(&asker, id, wish).await;
    let rotated = rotated.map_err(status::answer)?;
    Ok(one(rotated.into()))
}

async fn deliveries(
    State(commands): State<Commands>,
    Authed(caller): Authed,
    Path(id): Path<String>,
    query: Asked,
) -> Result<Json<Page<DeliveryDto>>, ApiError> {
    let (id, range) = (webhook(&id)?, dto::range(query)?);
    let rows = commands
        .deliveries(&caller, id, range)
        .await
        .map_err(status::answer)?;
    Ok(dto::page(rows, range, |row| row.id))
}

fn asked_by(caller: Caller, once: Option<Once>, traceparent: String) -> Asker {
    Asker {
        caller,
        once,
        traceparent,
    }
}

fn one<T>(data: T) -> Json<Data<T>> {
    Json(Data { data })
}

/// What is no id is no webhook.
fn webhook(text: &str) -> Result<WebhookId, ApiError> {
    text.parse().map_err(|_| status::no_such_webhook())
}
