//! The SDK's control channel: Socket.IO, namespace `/sdk`, WebSocket only.
//!
//! A socket belongs to the organisation of its key and hears of every agent in the environments the
//! key covers. Its key is checked again before each event, so a revoked one hears nothing more. What
//! is missed while away is not repeated: the SDK's status poll repairs that.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use socketioxide::extract::{Extension, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::Sid;
use socketioxide::{SocketIo, TransportType};
use tokio::sync::broadcast::{self, error::RecvError};
use tower::ServiceExt;
use uuid::Uuid;
use writ_service_kit::config::Secret;
use writ_service_kit::routes::{Gate, Peer};

use super::switch::{Changes, Switch};
use crate::metrics::SOCKETS;

const NAMESPACE: &str = "/sdk";
const EVENT: &str = "agent.status_updated";
/// How long a connection may take to present its key.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Bytes a client may send in one message; the SDK sends its key and nothing more.
const MESSAGE_BYTES: usize = 64 * 1024;
/// Events that may wait for a slow client: a pause of everything tells of every agent at once.
const WAITING: usize = 16_384;
/// Sockets an organisation may have at one replica.
const PER_ORGANIZATION: usize = 20_000;

/// Every open socket, and the HTTP service that opens them.
#[derive(Debug, Clone)]
pub struct Sockets {
    router: Router,
    io: SocketIo,
    gate: Gate,
    listeners: Arc<Listeners>,
}

/// What the client sends with CONNECT.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Auth {
    api_key: Secret,
}

/// Whose a socket is.
#[derive(Debug, Clone)]
struct Listener {
    org: Uuid,
    key: Secret,
    ip: Option<IpAddr>,
}

type OfOrganization = HashMap<Sid, (SocketRef, Arc<Listener>)>;

#[derive(Debug, Default)]
struct Listeners(RwLock<HashMap<Uuid, OfOrganization>>);

impl Sockets {
    /// No sockets yet; keys are checked by `gate`.
    #[must_use]
    pub fn new(gate: Gate) -> Self {
        let (service, io) = SocketIo::builder()
            .transports([TransportType::Websocket])
            .connect_timeout(CONNECT_WITHIN)
            .max_payload(1_000_000)
            .ws_max_message_size(MESSAGE_BYTES)
            .max_buffer_size(WAITING)
            .build_svc();
        let listeners = Arc::<Listeners>::default();
        let all = listeners.clone();
        let joining = move |socket: SocketRef, Extension(listener): Extension<Arc<Listener>>| {
            join(&socket, listener, &all);
            std::future::ready(())
        };
        let (keys, all) = (gate.clone(), listeners.clone());
        let admitting = move |socket: SocketRef, auth: TryData<Auth>| {
            admit(socket, auth, keys.clone(), all.clone())
        };
        io.ns(NAMESPACE, joining.with(admitting));
        Self {
            router: Router::new().fallback_service(service),
            io,
            gate,
            listeners,
        }
    }

    /// Answers a request for `/socket.io/`.
    pub async fn answer(&self, request: Request) -> Response {
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Passes changes on until their source is gone.
    pub async fn follow(self, mut changes: broadcast::Receiver<Arc<Changes>>) {
        loop {
            match changes.recv().await {
                Ok(changes) => {
                    for change in changes.agents.iter().filter(|change| change.turned) {
                        self.tell(changes.org, &change.switch).await;
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "sockets missed changes; status polls tell of them");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Closes every socket.
    pub async fn close(&self) {
        self.io.close().await;
    }

    async fn tell(&self, org: Uuid, switch: &Switch) {
        let data = json!({
            "agentId": switch.external_id,
            "status": switch.polled(),
            "reason": switch.why(),
        });
        for (socket, listener) in self.listeners.of(org) {
            let caller = self
                .gate
                .check_key(listener.key.expose(), listener.ip)
                .await;
            match caller {
                Ok(caller) if !caller.allows_environment(&switch.environment) => {}
                Ok(_) => {
                    if let Err(error) = socket.emit(EVENT, &data) {
                        tracing::debug!(%error, "an event did not reach its socket");
                    }
                }
                // Closed from the other side at the same time: gone either way.
                Err(_) => drop(socket.disconnect()),
            }
        }
    }
}

/// Lets a socket in whose key holds; the text of a refusal goes to the client.
async fn admit(
    socket: SocketRef,
    TryData(auth): TryData<Auth>,
    gate: Gate,
    listeners: Arc<Listeners>,
) -> Result<(), String> {
    let auth = auth.map_err(|_| "an API key is required: auth {apiKey}".to_owned())?;
    let parts = socket.req_parts();
    let peer: Option<SocketAddr> = parts.extensions.get::<Peer>().map(|peer| peer.0);
    let ip = gate.client_ip(&parts.headers, peer);
    let caller = gate.check_key(auth.api_key.expose(), ip).await;
    let caller = caller.map_err(|refusal| refusal.message)?;
    if listeners.count(caller.org_id()) >= PER_ORGANIZATION {
        return Err("too many sockets of this organization: use status polls".to_owned());
    }
    socket.extensions.insert(Arc::new(Listener {
        org: caller.org_id(),
        key: auth.api_key,
        ip,
    }));
    Ok(())
}

fn join(socket: &SocketRef, listener: Arc<Listener>, listeners: &Arc<Listeners>) {
    let (org, left) = (listener.org, listeners.clone());
    socket.on_disconnect(move |socket: SocketRef| {
        let left = left.clone();
        async move { left.remove(org, socket.id) }
    });
    listeners.add(socket, listener);
    // It may have left before anybody listened for that.
    if !socket.connected() {
        listeners.remove(org, socket.id);
    }
}

impl Listeners {
    fn add(&self, socket: &SocketRef, listener: Arc<Listener>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(listener.org).or_default();
        if own.insert(socket.id, (socket.clone(), listener)).is_none() {
            metrics::gauge!(SOCKETS).increment(1);
        }
    }

    fn remove(&self, org: Uuid, socket: Sid) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get_mut(&org) else { return };
        if own.remove(&socket).is_some() {
            metrics::gauge!(SOCKETS).decrement(1);
        }
        if own.is_empty() {
            all.remove(&org);
        }
    }

    fn of(&self, org: Uuid) -> Vec<(SocketRef, Arc<Listener>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&org)
            .map_or_else(Vec::new, |own| own.values().cloned().collect())
    }

    fn count(&self, org: Uuid) -> usize {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&org).map_or(0, HashMap::len)
    }
}
