//! What handlers take out of a request, beside its body.

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use writ_access::{Caller, Role};
use writ_contract::PersonId;
use writ_service_kit::ApiError;
use writ_service_kit::openapi::{Input, Part};
use writ_service_kit::routes::{Authed, Repeatable};
use writ_service_kit::trace::traceparent;

use crate::error::Refusal;
use crate::write::Actor;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 200;

/// The caller, and the actor it is in facts.
#[derive(Debug)]
pub(super) struct By {
    pub(super) caller: Caller,
    pub(super) actor: Actor,
}

/// The version that `If-Match` names; absent or `*` is any.
#[derive(Debug, Clone, Copy)]
pub(super) struct IfMatch(pub(super) Option<u64>);

/// `?cursor=&limit=` of the lists.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ListQuery {
    /// Where to go on: `nextCursor` of the page before.
    pub(super) cursor: Option<String>,
    /// Rows of a page: 1 to 200, 100 when absent.
    pub(super) limit: Option<u32>,
}

/// `?environment=` beside an external id in the path.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct InEnvironment {
    /// Tells agents of one external id apart.
    pub(super) environment: Option<String>,
}

impl Part for By {
    fn describe(input: &mut Input<'_>) {
        Repeatable::describe(input);
    }
}

impl Part for IfMatch {
    fn describe(input: &mut Input<'_>) {
        input.header(
            "If-Match",
            "The `ETag` of the state that is to be changed; another state is then a 412.",
        );
        input.refuses(412);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Authed(caller) = Authed::from_request_parts(parts, state).await?;
        let Ok(Repeatable(once)) = Repeatable::from_request_parts(parts, state).await;
        Ok(Self {
            actor: Actor {
                once,
                ..Actor::of(&caller, traceparent(&parts.headers))
            },
            caller,
        })
    }
}

impl By {
    /// The organisation everything happens in.
    pub(super) fn org(&self) -> Uuid {
        self.actor.org
    }

    /// The person behind the key, if there is one.
    pub(super) fn person(&self) -> Option<PersonId> {
        self.caller.person()?.parse().ok()
    }

    /// Asks for the right to change what the organisation may use: its Owner's, unless whoever runs
    /// the deployment keeps it.
    pub(super) fn may_change_plan(&self, owner_sets_plan: bool) -> Result<(), Refusal> {
        if owner_sets_plan && self.caller.require(Role::Owner).is_ok() {
            Ok(())
        } else {
            Err(Refusal::PlanFixed { owner_sets_plan })
        }
    }

    /// Asks for the right to act in an environment.
    pub(super) fn may_act_in(&self, environment: &str) -> Result<(), Refusal> {
        self.caller
            .require_environment(environment)
            .map_err(|_| Refusal::Environment(environment.to_owned()))
    }
}

impl By {
    /// Asks for the right to act in every environment.
    pub(super) fn may_act_everywhere(&self) -> Result<(), Refusal> {
        if self.caller.environments().is_empty() && !self.caller.is_test() {
            Ok(())
        } else {
            Err(Refusal::Environment("every one".to_owned()))
        }
    }

    /// Asks for at least `role`.
    pub(super) fn require(&self, role: Role) -> Result<(), ApiError> {
        self.caller
            .require(role)
            .map_err(|no| ApiError::new(StatusCode::FORBIDDEN, no.code(), no.to_string()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let version = text.trim_start_matches("W/").trim_matches('"').parse();
        version.map(|version| Self(Some(version))).map_err(|_| {
            ApiError::invalid("If-Match: expected the ETag of an earlier answer, such as \"3\"")
        })
    }
}

impl ListQuery {
    /// How many to return: 1 to 200.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// Where a list of ids goes on.
    pub(super) fn after_id(&self) -> Result<Option<Uuid>, ApiError> {
        Ok(self.position()?.map(|(_, id)| id))
    }

    /// Where a ranked list goes on.
    pub(super) fn position(&self) -> Result<Option<(i32, Uuid)>, ApiError> {
        let Some(cursor) = self.cursor.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let (rank, id) = bytes.split_first()?;
            Some((i32::from(*rank), Uuid::from_slice(id).ok()?))
        };
        read()
            .map(Some)
            .ok_or_else(|| ApiError::invalid("cursor: not one of ours"))
    }
}

/// The cursor of the page after this row.
pub(super) fn cursor(rank: i32, id: Uuid) -> String {
    let mut bytes = vec![u8::try_from(rank).unwrap_or_default()];
    bytes.extend_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}
