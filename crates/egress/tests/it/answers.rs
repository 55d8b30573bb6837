//! What the client makes of answers. The servers are on loopback, so the rules allow it here.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use writ_egress::{Answer, Client, EgressError, Limits, Rules};

use crate::{Scripted, install_tls};

const HOST: &str = "hook.example";

fn client(limits: Limits) -> Client {
    install_tls();
    let rules = Rules {
        allow_http: true,
        allow_internal: true,
        ..Rules::public()
    };
    Client::with_names(rules, limits, Arc::new(Scripted::new(&[&["127.0.0.1"]]))).unwrap()
}

/// Serves one fixed answer per connection and reports every request head.
async fn serve(answer: Vec<u8>) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heads, seen) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = vec![0; 4_096];
            let read = socket.read(&mut buffer).await.unwrap_or(0);
            heads
                .send(String::from_utf8_lossy(&buffer[..read]).into_owned())
                .ok();
            socket.write_all(&answer).await.ok();
        }
    });
    (port, seen)
}

async fn post(client: &Client, port: u16) -> Result<Answer, EgressError> {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "evt_1".parse().unwrap());
    client
        .post(&format!("http://{HOST}:{port}/in"), headers, r#"{"a":1}"#)
        .await
}

#[tokio::test]
async fn the_original_host_and_headers_arrive_at_the_resolved_address() {
    let (port, mut seen) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()).await;
    let answer = post(&client(Limits::default()), port).await.unwrap();
    assert!(answer.is_success());
    assert_eq!(answer.body(), Some(&b"ok"[..]));
    let request = seen.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("post /in http/1.1\r\n"), "{request}");
    assert!(
        request.contains(&format!("host: {HOST}:{port}\r\n")),
        "{request}"
    );
    assert!(request.contains("webhook-id: evt_1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"a":1}"#), "{request}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (target, mut touched) =
        serve(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://127.0.0.1:{target}/\r\ncontent-length: 0\r\n\r\n"
        );
        let (port, _seen) = serve(answer.into_bytes()).await;
        let answer = post(&client(Limits::default()), port).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(!answer.is_success());
    }
    assert!(touched.try_recv().is_err());
}

#[tokio::test]
async fn a_large_answer_is_cut_and_its_status_kept() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    answer.resize(1_000_000, b'x');
    let (port, _seen) = serve(answer).await;
    let answer = post(&client(Limits::default()), port).await.unwrap();
    assert!(answer.is_success());
    assert_eq!(answer.body(), None);
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = Limits {
        total: Duration::from_millis(200),
        ..Limits::default()
    };
    assert_eq!(
        post(&client(limits), port).await.unwrap_err(),
        EgressError::Timeout
    );
    drop(listener);
}

#[tokio::test]
async fn a_closed_port_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = post(&client(Limits::default()), port).await.unwrap_err();
    assert_eq!(error, EgressError::Connect);
}

#[tokio::test]
async fn debug_of_an_answer_shows_no_body() {
    let (port, _seen) = serve(b"HTTP/1.1 500 No\r\ncontent-length: 6\r\n\r\nsecret".to_vec()).await;
    let answer = post(&client(Limits::default()), port).await.unwrap();
    assert_eq!(answer.status, 500);
    assert!(!format!("{answer:?}").contains("secret"));
}
