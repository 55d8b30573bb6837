//! The way in to Socket.IO.

use axum::extract::{Request, State as Shared};
use axum::response::Response;
use writ_service_kit::routes::{Access, Routes};

use super::State;

pub(super) fn routes(to: Routes<State>) -> Routes<State> {
    // Both end in the same place; the key comes with the first message.
    to.get_bare("/socket.io", Access::Public, connect)
        .says(
            "Open a socket",
            "Socket.IO over WebSocket, namespace `/sdk`, with the key as `auth: {apiKey}`: \
             `agent.status_updated` for every agent that is paused or resumed.",
        )
        .sends("application/octet-stream")
        .get_bare("/socket.io/", Access::Public, connect)
        .says("Open the SDK's socket", "The same, as the SDK spells it.")
        .sends("application/octet-stream")
}

async fn connect(Shared(state): Shared<State>, request: Request) -> Response {
    state.sockets.answer(request).await
}
