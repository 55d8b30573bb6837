//! The front door of `--processes`: one port, each request to a process of the service that
//! answers its path. It waits out a process that is being started again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::Instant;
use writ_contract::Service;
use writ_service_kit::{ApiError, Tasks};

use crate::routes::service_for;

/// Larger bodies than any service takes, so that the service's own limit answers.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// How long a request waits for a process that does not accept connections.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Where the processes of each service listen.
pub type Upstreams = BTreeMap<Service, Vec<SocketAddr>>;

/// The proxy; cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    upstreams: Arc<Upstreams>,
    turn: Arc<AtomicUsize>,
    plain: Client<HttpConnector, Body>,
    http2: Client<HttpConnector, Body>,
    tasks: Tasks,
}

/// Why no process gave an answer.
#[derive(Debug)]
enum Failed {
    /// Nothing was sent; another process may be asked.
    Unconnected,
    /// It may have been acted upon.
    Broken(String),
}

impl Door {
    /// A door to `upstreams`.
    #[must_use]
    pub fn new(upstreams: Upstreams, tasks: Tasks) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(2)));
        let client = || Client::builder(TokioExecutor::new());
        Self {
            upstreams: Arc::new(upstreams),
            turn: Arc::default(),
            plain: client().build(connector.clone()),
            http2: client().http2_only(true).build(connector),
            tasks,
        }
    }

    /// Everything that is not answered here goes to a service.
    pub fn router(self) -> axum::Router {
        axum::Router::new().fallback(forward).with_state(self)
    }

    /// Whether a process says that it may be given traffic.
    pub async fn is_ready(&self, process: SocketAddr) -> bool {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/readyz");
        if aim(&mut request, process).is_err() {
            return false;
        }
        let answer = self.plain.request(request).await;
        answer.is_ok_and(|response| response.status() == StatusCode::OK)
    }

    /// The next process of a service, in turn.
    fn next(&self, service: Service) -> Option<SocketAddr> {
        let processes = self.upstreams.get(&service)?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        processes.get(turn.checked_rem(processes.len())?).copied()
    }

    /// Asks processes in turn until one accepts the connection. `again` makes the request anew;
    /// it is sent twice only when the method is safe.
    async fn ask(
        &self,
        client: &Client<HttpConnector, Body>,
        service: Service,
        safe: bool,
        mut again: impl FnMut() -> Option<Request>,
    ) -> Result<Response, Failed> {
        let until = Instant::now() + PATIENCE;
        let mut last = Failed::Unconnected;
        while let (Some(mut request), Some(to)) = (again(), self.next(service)) {
            aim(&mut request, to)?;
            match client.request(request).await {
                Ok(response) => return Ok(response.map(Body::new)),
                Err(error) if error.is_connect() => last = Failed::Unconnected,
                Err(error) if safe => last = Failed::Broken(error.to_string()),
                Err(error) => return Err(Failed::Broken(error.to_string())),
            }
            if Instant::now() >= until {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(last)
    }

    async fn plain(&self, service: Service, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        };
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        let again = || {
            Some(Request::from_parts(
                parts.clone(),
                Body::from(Bytes::clone(&body)),
            ))
        };
        self.ask(&self.plain, service, safe, again)
            .await
            .unwrap_or_else(|failed| {
                let why = match failed {
                    Failed::Unconnected => format!("{service} is not running"),
                    Failed::Broken(error) => {
                        tracing::warn!(%service, error, "no answer");
                        format!("{service} broke off")
                    }
                };
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", why).into_response()
            })
    }

    /// A stream cannot be sent twice, so a process is looked for before the body is touched.
    async fn grpc(&self, service: Service, request: Request) -> Response {
        let mut once = Some(request);
        if self.somebody_accepts(service).await {
            match self.ask(&self.http2, service, false, || once.take()).await {
                Ok(response) => return response,
                Err(error) => tracing::warn!(%service, ?error, "no answer"),
            }
        }
        const UNAVAILABLE: &str = "14";
        let headers = [
            ("content-type", "application/grpc"),
            ("grpc-status", UNAVAILABLE),
        ];
        (headers, ()).into_response()
    }

    async fn somebody_accepts(&self, service: Service) -> bool {
        let until = Instant::now() + PATIENCE;
        while let Some(to) = self.next(service) {
            if tokio::net::TcpStream::connect(to).await.is_ok() {
                // The turn of the one that accepted comes again.
                self.turn.fetch_sub(1, Ordering::Relaxed);
                return true;
            }
            if Instant::now() >= until {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    /// WebSocket: after the 101 both sides are joined.
    async fn upgrade(&self, service: Service, mut request: Request) -> Response {
        let client_side = hyper::upgrade::on(&mut request);
        let mut once = Some(request);
        let Ok(mut response) = self.ask(&self.plain, service, false, || once.take()).await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let server_side = hyper::upgrade::on(&mut response);
            let cancel = self.tasks.cancel().clone();
            self.tasks.spawn("websocket", async move {
                let joined = async {
                    let (client, server) = tokio::try_join!(client_side, server_side)?;
                    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
                    // Either side may leave at any time.
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                    Ok::<_, hyper::Error>(())
                };
                drop(cancel.run_until_cancelled(joined).await);
            });
        }
        response
    }
}

async fn forward(State(door): State<Door>, request: Request) -> Response {
    let service = service_for(request.uri().path());
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|value| value.as_bytes());
    if kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
        door.grpc(service, request).await
    } else if request.headers().contains_key(header::UPGRADE) {
        door.upgrade(service, request).await
    } else {
        door.plain(service, request).await
    }
}

/// Points the request at a process.
fn aim(request: &mut Request, to: SocketAddr) -> Result<(), Failed> {
    let broken = |error: http::Error| Failed::Broken(error.to_string());
    let authority = Authority::try_from(to.to_string()).map_err(|error| broken(error.into()))?;
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
        .build()
        .map_err(broken)?;
    *request.version_mut() = http::Version::default();
    Ok(())
}
