//! What goes over the wire.

use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use writ_contract::WebhookId;
use writ_service_kit::ApiError;
use writ_service_kit::json::Page;

use crate::command::{Create, Created, Range, Rotate, Rotated};
use crate::store::{DeliveryRow, EndpointRow};

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;
const MAX_TEXT: usize = 500;
const DEFAULT_OVERLAP_HOURS: u16 = 24;
const MAX_OVERLAP_HOURS: u16 = 168;

/// A webhook to be made.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WebhookBody")]
#[serde(deny_unknown_fields)]
pub(super) struct CreateDto {
    /// Where events are sent, over HTTPS.
    url: String,
    /// Such as `policy.violated` or `agent.paused`; the list is in the guide to webhooks.
    events: Vec<String>,
    /// What deliveries are signed with; made by the server when absent.
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl TryFrom<CreateDto> for Create {
    type Error = ApiError;

    fn try_from(body: CreateDto) -> Result<Self, ApiError> {
        let description = body.description.unwrap_or_default();
        short("description", Some(&description))?;
        short("secret", body.secret.as_deref())?;
        let (url, topics, secret) = (body.url, body.events, body.secret);
        Ok(Self {
            url,
            description,
            topics,
            secret,
        })
    }
}

/// A new secret for a webhook.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SecretBody")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RotateDto {
    /// Made by the server when absent.
    #[serde(default)]
    secret: Option<String>,
    /// How long the former secret signs too: at most 168, 24 when absent.
    #[serde(default)]
    overlap_hours: Option<u16>,
}

impl TryFrom<RotateDto> for Rotate {
    type Error = ApiError;

    fn try_from(body: RotateDto) -> Result<Self, ApiError> {
        short("secret", body.secret.as_deref())?;
        let hours = body.overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS);
        if hours > MAX_OVERLAP_HOURS {
            return Err(ApiError::invalid("overlapHours must be at most 168"));
        }
        let overlap = Duration::from_secs(u64::from(hours) * 3_600);
        Ok(Self {
            secret: body.secret,
            overlap,
        })
    }
}

fn short(name: &str, text: Option<&str>) -> Result<(), ApiError> {
    if text.is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(ApiError::invalid(format!(
            "{name} is longer than {MAX_TEXT} bytes"
        )));
    }
    Ok(())
}

/// `?cursor=&limit=`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Where to go on: `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows of a page: 1 to 200, 50 when absent.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u16>,
}

/// The part of a list a query asks for.
pub(super) fn range(query: Result<Query<PageQuery>, QueryRejection>) -> Result<Range, ApiError> {
    let Query(query) = query.map_err(|refused| ApiError::invalid(refused.body_text()))?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit must be between 1 and 200"));
    }
    let before = query.cursor.map(|cursor| cursor.parse()).transpose();
    let before = before.map_err(|_| ApiError::invalid("cursor is not one this list gave"))?;
    Ok(Range {
        before,
        limit: i64::from(limit),
    })
}

/// A page of a list. A full page may have another behind it.
pub(super) fn page<T: From<R>, R>(
    rows: Vec<R>,
    range: Range,
    place: impl Fn(&R) -> i64,
) -> Json<Page<T>> {
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == range.limit);
    let next_cursor = rows
        .last()
        .filter(|_| full)
        .map(|last| place(last).to_string());
    Json(Page {
        data: rows.into_iter().map(T::from).collect(),
        next_cursor,
    })
}

/// A webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointDto {
    id: WebhookId,
    url: String,
    description: String,
    events: Vec<String>,
    is_active: bool,
    disabled_reason: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<EndpointRow> for EndpointDto {
    fn from(row: EndpointRow) -> Self {
        Self {
            id: WebhookId(row.id),
            url: row.url,
            description: row.description,
            events: row.topics,
            is_active: row.state == "enabled",
            disabled_reason: Some(row.disabled_reason).filter(|reason| !reason.is_empty()),
            created_at: row.created_at,
        }
    }
}

/// A new webhook with its secret.
// No `Debug`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewWebhook")]
pub(super) struct CreatedDto {
    #[serde(flatten)]
    endpoint: EndpointDto,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<Created> for CreatedDto {
    fn from(created: Created) -> Self {
        Self {
            endpoint: created.row.into(),
            secret: created.secret.map(|secret| secret.0),
        }
    }
}

/// A new secret.
// No `Debug`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewSecret")]
#[serde(rename_all = "camelCase")]
pub(super) struct RotatedDto {
    id: WebhookId,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    former_secret_signs_until: DateTime<Utc>,
}

impl From<Rotated> for RotatedDto {
    fn from(rotated: Rotated) -> Self {
        Self {
            id: rotated.id,
            secret: rotated.secret.map(|secret| secret.0),
            former_secret_signs_until: rotated.former_until,
        }
    }
}

/// A webhook that is gone.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeletedWebhook")]
pub(super) struct Deleted {
    pub(super) id: WebhookId,
    pub(super) deleted: bool,
}

/// An event on its way to a webhook.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryDto {
    id: String,
    event_id: String,
    event: String,
    status: String,
    attempts: i32,
    last_status: Option<i32>,
    last_error: Option<String>,
    next_attempt_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<DeliveryRow> for DeliveryDto {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id.to_string(),
            event_id: row.event_id,
            event: row.topic,
            status: row.status,
            attempts: row.attempts,
            last_status: row.last_status,
            last_error: row.last_error,
            next_attempt_at: row.done_at.is_none().then_some(row.due_at),
            created_at: row.created_at,
            finished_at: row.done_at,
        }
    }
}
