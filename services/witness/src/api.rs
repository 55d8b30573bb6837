//! HTTP as C2SP tlog-witness has it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};
use writ_service_kit::Clock;

use crate::domain::{Refusal, Request, Witness};
use crate::store::{Store, StoreError};

/// Proof lines and a note are far below this.
const MAX_BODY: usize = 128 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct State {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    witness: Witness,
    /// Held from the look at the latest checkpoint until the new one is on disk: a slower request
    /// must not set a faster one back.
    store: Mutex<Store>,
    clock: Arc<dyn Clock>,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl State {
    pub(crate) fn new(witness: Witness, store: Store, clock: Arc<dyn Clock>) -> Self {
        let store = Mutex::new(store);
        Self {
            inner: Arc::new(Inner {
                witness,
                store,
                clock,
            }),
        }
    }
}

pub(crate) fn router(state: State) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add))
        .route("/{origin}/checkpoint", get(latest))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

async fn add(Shared(state): Shared<State>, body: String) -> Response {
    // A disk is waited for.
    let added = tokio::task::spawn_blocking(move || state.inner.add(&body)).await;
    match added {
        Ok(Ok(line)) => text(StatusCode::OK, line),
        Ok(Err(failed)) => refused(&failed),
        Err(error) => {
            tracing::error!(%error, "add-checkpoint panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Inner {
    /// The signature line, once what it signs is on disk.
    fn add(&self, body: &str) -> Result<String, Failed> {
        let request = Request::parse(body)?;
        // What a panic left behind is what is on disk.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = self
            .witness
            .examine(&request, |origin| store.latest(origin))?;
        let seconds = u64::try_from(self.clock.now_ms() / 1_000).unwrap_or_default();
        let line = self.witness.signer.cosign(verified.text(), seconds);
        let note = format!("{}{line}", verified.note());
        store.keep(verified.checkpoint(), note)?;
        Ok(line)
    }
}

fn refused(failed: &Failed) -> Response {
    let refusal = match failed {
        Failed::Refused(refusal) => *refusal,
        Failed::Store(error) => {
            tracing::error!(%error, "a checkpoint could not be kept: not cosigned");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return text(status, "the checkpoint could not be kept\n".to_owned());
        }
    };
    let status = match refusal {
        Refusal::Malformed | Refusal::OldIsLarger => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::NotSigned => StatusCode::FORBIDDEN,
        Refusal::Inconsistent => {
            tracing::warn!("a checkpoint does not extend the one cosigned last");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::AnotherSize(size) => {
            let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            return (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response();
        }
    };
    text(status, format!("{refusal}\n"))
}

async fn latest(Shared(state): Shared<State>, Path(origin): Path<String>) -> Response {
    let store = &state.inner.store;
    let store = store.lock().unwrap_or_else(PoisonError::into_inner);
    match store.note_by_hash(&origin) {
        Some(note) => text(StatusCode::OK, note.to_owned()),
        None => text(
            StatusCode::NOT_FOUND,
            "no checkpoint of that log was cosigned\n".to_owned(),
        ),
    }
}

fn text(status: StatusCode, body: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, body).into_response()
}
