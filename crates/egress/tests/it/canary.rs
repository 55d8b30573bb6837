//! No spelling of an internal address reaches a listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderMap;
use tokio::net::TcpListener;
use writ_egress::{Client, EgressError, Limits, Rules, SystemNames};

use crate::{Scripted, install_tls};

/// Counts connections on 127.0.0.1, ::1 and 0.0.0.0-reachable addresses of one port.
struct Canary {
    port: u16,
    touched: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Self {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = v4.local_addr().unwrap().port();
        let touched = Arc::new(AtomicUsize::new(0));
        let mut listeners = vec![v4];
        listeners.extend(TcpListener::bind(("::1", port)).await);
        for listener in listeners {
            let touched = touched.clone();
            tokio::spawn(async move {
                while listener.accept().await.is_ok() {
                    touched.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, touched }
    }

    fn touched(&self) -> usize {
        self.touched.load(Ordering::SeqCst)
    }
}

/// http is allowed here, so that no spelling is refused for its scheme alone.
fn rules() -> Rules {
    Rules {
        allow_http: true,
        ..Rules::public()
    }
}

fn limits() -> Limits {
    Limits {
        connect: Duration::from_millis(500),
        total: Duration::from_secs(1),
        ..Limits::default()
    }
}

/// Spellings of loopback, unspecified and metadata hosts; `P` stands for the canary's port.
const SPELLINGS: &[&str] = &[
    "http://127.0.0.1:P/",
    "http://127.0.0.1.:P/",
    "http://127.1:P/",
    "http://127.0.1:P/",
    "http://2130706433:P/",
    "http://2130706433.:P/",
    "http://017700000001:P/",
    "http://0x7f000001:P/",
    "http://0X7F000001:P/",
    "http://0x7f.0.0.1:P/",
    "http://0x7f.1:P/",
    "http://0177.0.0.1:P/",
    "http://0177.1:P/",
    "http://0177.0x0.0.1:P/",
    "http://127.0.0.01:P/",
    "http://127.0.0.0x1:P/",
    "http://127.000.000.001:P/",
    "http://127.127.127.127:P/",
    "http://127.0.0.2:P/",
    "http://0:P/",
    "http://0.0.0.0:P/",
    "http://0x0:P/",
    "http://00:P/",
    "http://0.0.0.0.:P/",
    "http://１２７.０.０.１:P/",
    "http://①②⑦.⓪.⓪.①:P/",
    "http://127。0。0。1:P/",
    "http://127%2e0%2e0%2e1:P/",
    "http://%31%32%37.0.0.1:P/",
    "http://127.0.0.1%2e:P/",
    "http://localhost:P/",
    "http://LOCALHOST:P/",
    "http://localhost.:P/",
    "http://ｌocalhost:P/",
    "http://loc%61lhost:P/",
    "http://lo\tcalhost:P/",
    "http://local\nhost:P/",
    "http://user@127.0.0.1:P/",
    "http://user:pass@127.0.0.1:P/",
    "http://a.example@127.0.0.1:P/",
    "http://a.example:80@127.0.0.1:P/",
    "http://127.0.0.1:P@a.invalid/",
    "http://a.example%40127.0.0.1:P/",
    "http://127.0.0.1:P#@a.example/",
    "http:\\\\127.0.0.1:P\\",
    "http:/127.0.0.1:P/",
    "http:127.0.0.1:P/",
    "http:////127.0.0.1:P/",
    "  http://127.0.0.1:P/  ",
    "HTTP://127.0.0.1:P/",
    "http://127.0.0.1:0P/",
    "http://[::1]:P/",
    "http://[0:0:0:0:0:0:0:1]:P/",
    "http://[0000::0001]:P/",
    "http://[::]:P/",
    "http://[::ffff:127.0.0.1]:P/",
    "http://[::ffff:7f00:1]:P/",
    "http://[::ffff:0:127.0.0.1]:P/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:P/",
    "http://[::127.0.0.1]:P/",
    "http://[64:ff9b::127.0.0.1]:P/",
    "http://[64:ff9b:1::7f00:1]:P/",
    "http://[2002:7f00:1::]:P/",
    "http://[2001::7f00:1]:P/",
    "http://[fe80::1]:P/",
    "http://[fe80::1%25lo]:P/",
    "http://[fc00::1]:P/",
    "http://[ff02::1]:P/",
    "http://[100::1]:P/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "https://127.0.0.1:P/",
    "https://localhost:P/",
    "https://[::1]:P/",
    "ftp://127.0.0.1:P/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:P/",
    "unix:/tmp/socket",
    "//127.0.0.1:P/",
    "127.0.0.1:P",
    "",
];

#[tokio::test]
async fn the_canary_notices_a_client_that_may_reach_it() {
    install_tls();
    let canary = Canary::start().await;
    let rules = Rules {
        allow_internal: true,
        ..rules()
    };
    let client = Client::new(rules, limits()).unwrap();
    let url = format!("http://localhost:{}/", canary.port);
    assert!(client.post(&url, HeaderMap::new(), "{}").await.is_err());
    assert!(canary.touched() > 0);
}

#[tokio::test]
async fn no_spelling_reaches_the_canary() {
    install_tls();
    assert!(SPELLINGS.len() >= 60);
    let canary = Canary::start().await;
    let client = Client::with_names(rules(), limits(), Arc::new(SystemNames)).unwrap();
    for spelling in SPELLINGS {
        let url = spelling.replace('P', &canary.port.to_string());
        let result = client.post(&url, HeaderMap::new(), "{}").await;
        assert!(result.is_err(), "{url} was answered");
        assert_eq!(canary.touched(), 0, "{url} reached the canary");
    }
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused() {
    install_tls();
    let canary = Canary::start().await;
    for answers in [
        &["127.0.0.1"][..],
        &["::1"],
        &["10.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["0.0.0.0"],
    ] {
        let names = Arc::new(Scripted::new(&[answers]));
        let client = Client::with_names(rules(), limits(), names).unwrap();
        let url = format!("http://hook.example:{}/", canary.port);
        let result = client.post(&url, HeaderMap::new(), "{}").await;
        assert_eq!(
            result.unwrap_err(),
            EgressError::ForbiddenAddress,
            "{answers:?}"
        );
    }
    assert_eq!(canary.touched(), 0);
}

#[tokio::test]
async fn one_forbidden_answer_among_several_refuses_the_name() {
    install_tls();
    let canary = Canary::start().await;
    let names = Arc::new(Scripted::new(&[&["93.184.216.34", "127.0.0.1"]]));
    let client = Client::with_names(rules(), limits(), names).unwrap();
    let url = format!("http://hook.example:{}/", canary.port);
    let result = client.post(&url, HeaderMap::new(), "{}").await;
    assert_eq!(result.unwrap_err(), EgressError::ForbiddenAddress);
    assert_eq!(canary.touched(), 0);
}

/// A checker that resolved for itself would see the public answer and connect to the second.
#[tokio::test]
async fn a_rebinding_name_never_reaches_the_second_address() {
    install_tls();
    let canary = Canary::start().await;
    let names = Arc::new(Scripted::new(&[&["192.0.1.1"], &["127.0.0.1"]]));
    let client = Client::with_names(rules(), limits(), names.clone()).unwrap();
    let url = format!("http://rebind.example:{}/", canary.port);
    for _ in 0..3 {
        assert!(client.post(&url, HeaderMap::new(), "{}").await.is_err());
    }
    assert!(names.asked.load(Ordering::SeqCst) >= 3);
    assert_eq!(canary.touched(), 0);
}
