//! Agents and pauses as server-sent events, for browsers.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use http::header;
use serde_json::{Value, json};
use uuid::Uuid;
use writ_service_kit::ApiError;
use writ_service_kit::routes::{Class, Holder, Routes};

use super::extract::By;
use super::pauses::shown;
use super::switches::filling;
use super::{State, VIEWER};
use crate::channel::{Changes, Snapshot, Switch, WATCHED_FOR, Watched, held};
use crate::error::Error;

/// How often a quiet stream says that it is there; shorter than proxies wait.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    to.get("/events", VIEWER.class(Class::Generous), stream)
        .says(
            "Watch agents",
            "Server-sent events: first `snapshot` with every agent and every pause in force, then \
             `agent.status_updated`, `agent.updated`, `pause.created` and `pause.ended`. A stream \
             ends after ten minutes; ask again, a new snapshot comes first. `Last-Event-ID` is not \
             looked at.",
        )
        .sends("text/event-stream")
}

/// What happened before is not repeated, whatever `Last-Event-ID` says: the first event is everything
/// as it is now.
async fn stream(
    Shared(state): Shared<State>,
    by: By,
    holder: Holder,
) -> Result<Response, ApiError> {
    if filling(&state) {
        return Err(Error::CatchingUp.into());
    }
    let events = events(state, by.org(), holder);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // A proxy that collects a stream before it passes it on would pass on nothing.
    let unbuffered = [
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((unbuffered, sse).into_response())
}

fn events(
    state: State,
    org: Uuid,
    holder: Holder,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let cancelled = state.cancel.clone().cancelled_owned();
    let over = tokio::time::sleep(WATCHED_FOR);
    let watched = held(state.channel.watch(org), holder);
    let events = watched.flat_map(move |watched| {
        stream::iter(match watched {
            Watched::Snapshot(all) => vec![snapshot(&state, org, &all)],
            Watched::Changed(changes) => changed(&state, &changes),
        })
    });
    let events = events.filter_map(async |(name, data)| {
        let event = Event::default().event(name).json_data(data);
        event.ok().map(Ok)
    });
    events.take_until(cancelled).take_until(over)
}

fn snapshot(state: &State, org: Uuid, all: &Snapshot) -> (&'static str, Value) {
    let agents: Vec<Value> = all.agents.iter().map(agent).collect();
    let pauses = all.pauses.iter();
    let pauses: Vec<_> = pauses
        .map(|pause| shown(state, org, pause, false))
        .collect();
    ("snapshot", json!({ "agents": agents, "pauses": pauses }))
}

fn changed(state: &State, changes: &Changes) -> Vec<(&'static str, Value)> {
    let pause = changes.pause.iter().map(|(pause, ended)| {
        let name = if *ended {
            "pause.ended"
        } else {
            "pause.created"
        };
        (name, json!(shown(state, changes.org, pause, *ended)))
    });
    let agents = changes.agents.iter().map(|change| {
        let name = if change.turned {
            "agent.status_updated"
        } else {
            "agent.updated"
        };
        (name, agent(&change.switch))
    });
    pause.chain(agents).collect()
}

fn agent(switch: &Switch) -> Value {
    json!({
        "id": switch.agent,
        "agentId": switch.external_id,
        "name": switch.name,
        "environment": switch.environment,
        "status": switch.status(),
        "reason": switch.why(),
    })
}
