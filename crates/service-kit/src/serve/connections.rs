//! The accept loop. `axum::serve` installs no timer, so a slow client could hold a connection
//! for ever; this one gives it [`HEADER_TIMEOUT`] for its first request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use http::Uri;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::routes::Peer;
use crate::tasks::Tasks;

/// How long a new client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an HTTP/1 connection may rest between requests. Clients reuse connections, and one
/// that is closed under a request loses it, so this is longer than their usual pauses.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long open requests may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// Connections at once; more wait in the listen queue.
const CONNECTIONS: usize = 16_384;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 1_024;

/// A listener that has an address and does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    /// The address, with the port the system chose for port 0.
    pub addr: SocketAddr,
}

/// Takes the address early, so that it can be told before anything is served.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn bind(addr: SocketAddr) -> std::io::Result<Bound> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    Ok(Bound { listener, addr })
}

impl Bound {
    /// Serves until cancelled, then lets open requests finish for up to ten seconds.
    pub async fn serve(self, router: Router, tasks: &Tasks) {
        let cancel = tasks.cancel().clone();
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = cancel
                .run_until_cancelled(accept(&self.listener, &slots))
                .await;
            let Some((stream, peer, slot)) = accepted else {
                break;
            };
            let connection = connection(stream, peer, router.clone(), &graceful, cancel.clone());
            tasks.spawn("connection", async move {
                connection.await;
                drop(slot);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not finish before the process stopped");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            // Out of file descriptors or a client that left: neither ends the service.
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The future that serves one connection; it is watched from now on, not from its first poll.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    graceful: &GracefulShutdown,
    cancel: CancellationToken,
) -> impl Future<Output = ()> + Send + 'static {
    let watcher = graceful.watcher();
    async move {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let Some(http2) = speaks_http2(&stream, &cancel).await else {
            return;
        };
        let asked = Arc::new(AtomicBool::new(http2));
        let first = asked.clone();
        let service = router.map_request(move |request: Request<Incoming>| {
            first.store(true, Ordering::Relaxed);
            let mut request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(Peer(peer));
            without_nul(request.uri_mut());
            request
        });
        let service = TowerToHyperService::new(service);
        let builder = builder();
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::select! {
            ended = watcher.watch(serving) => if let Err(error) = ended {
                tracing::debug!(%peer, %error, "connection ended early");
            },
            () = silent(&asked) => tracing::debug!(%peer, "no request in time"),
        }
    }
}

/// NUL becomes U+FFFD, as in bodies: stores of text take none, and what was registered with one is
/// found under the id that was kept.
fn without_nul(uri: &mut Uri) {
    let asked = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if !asked.contains("%00") {
        return;
    }
    let replaced = asked.replace("%00", "%EF%BF%BD");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = replaced.parse().ok();
    if let Ok(replaced) = Uri::from_parts(parts) {
        *uri = replaced;
    }
}

/// Hyper's timer runs between requests too and starts only once the protocol is known, so the
/// first bytes of a connection have a limit of their own. Tells whether they begin HTTP/2, whose
/// clients may connect long before they ask; `None` when nothing came.
async fn speaks_http2(stream: &TcpStream, cancel: &CancellationToken) -> Option<bool> {
    let mut first = [0_u8; 3];
    let peek = tokio::time::timeout(HEADER_TIMEOUT, stream.peek(&mut first));
    match cancel.run_until_cancelled(peek).await {
        Some(Ok(Ok(1..))) => Some(&first == b"PRI"),
        _ => None,
    }
}

/// Returns when no request has come within the limit, otherwise never.
async fn silent(asked: &AtomicBool) {
    tokio::time::sleep(HEADER_TIMEOUT).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(STREAMS);
    builder
}
