//! nats-server with JetStream.

use std::path::Path;
use std::process::Command;

use async_nats::jetstream::stream::Config;
use futures::TryStreamExt;
use tokio::sync::OnceCell;
use writ_servers::{OnOrphaned, Tools};

use crate::instance::{Instance, Kind, Signal};
use crate::{external, names, namespace};

/// Without `sync_interval: always`: tests prove behaviour, and an fsync for each message only
/// makes them slow.
const CONFIG: &str = "max_payload: 8MB\njetstream {}\n";

struct Server;

impl Kind for Server {
    const NAME: &'static str = "nats";

    fn command(&self, dir: &Path, [port, _]: [u16; 2]) -> anyhow::Result<Command> {
        let config = dir.join("nats.conf");
        std::fs::write(&config, CONFIG)?;
        let store = dir.join("store");
        Ok(writ_servers::nats::command(
            &Tools::find()?,
            &config,
            &store,
            port,
            OnOrphaned::Kill,
        ))
    }
}

/// A NATS server, with a namespace for the test that asked.
#[derive(Debug)]
pub struct Nats {
    /// `nats://127.0.0.1:port`.
    pub url: String,
    /// Prefix for this test's subjects, streams and buckets: one token.
    pub prefix: String,
    /// A connected client.
    pub client: async_nats::Client,
    own: Option<Instance>,
}

impl Nats {
    /// The server shared by all tests, under a fresh prefix.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<Instance> = OnceCell::const_new();
        let url = match external("WRIT_TEST_NATS_URL") {
            Some(url) => url,
            None => url(SHARED
                .get_or_init(|| blocking(|| Instance::shared(&Server)))
                .await),
        };
        let nats = Self::connect(url, None).await;
        nats.keep_open().await;
        nats.sweep().await;
        nats
    }

    /// A server of this test alone, to break.
    pub async fn own() -> Self {
        let instance = blocking(|| Instance::own(&Server)).await;
        Self::connect(url(&instance), Some(instance)).await
    }

    /// Signals the own server.
    pub fn signal(&self, signal: Signal) {
        self.instance().signal(signal).expect("the server runs");
    }

    /// Starts the own server again, over what it stored.
    pub fn restart(&self) {
        self.instance()
            .restart(&Server)
            .expect("the server starts again");
    }

    fn instance(&self) -> &Instance {
        self.own
            .as_ref()
            .expect("only a server of one's own is disturbed: Nats::own()")
    }

    async fn connect(url: String, own: Option<Instance>) -> Self {
        let client = async_nats::connect(&url)
            .await
            .expect("NATS accepts the connection");
        Self {
            url,
            prefix: namespace(),
            client,
            own,
        }
    }

    /// A stream that stays. The server removes its data folder with the last stream in it, and a
    /// stream that another test makes at that moment then has nowhere to go.
    async fn keep_open(&self) {
        let stays = Config {
            name: "STAYS".to_owned(),
            ..Config::default()
        };
        async_nats::jetstream::new(self.client.clone())
            .get_or_create_stream(stays)
            .await
            .expect("the shared server makes a stream");
    }

    /// Streams of tests that are gone.
    async fn sweep(&self) {
        let jetstream = async_nats::jetstream::new(self.client.clone());
        let names: Vec<String> = jetstream
            .stream_names()
            .try_collect()
            .await
            .unwrap_or_default();
        for name in names.iter().filter(|name| names::is_leftover(name)) {
            // Another test may have been faster.
            drop(jetstream.delete_stream(name).await);
        }
    }
}

/// Connects to a URL that has its credentials in it: `async-nats` leaves them unread.
pub async fn connect_nats(url: &str) -> async_nats::Client {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let (who, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let mut options = async_nats::ConnectOptions::new();
    if let Some((user, password)) = who.split_once(':') {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    options
        .connect(format!("{scheme}://{host}"))
        .await
        .expect("NATS accepts the connection")
}

fn url(instance: &Instance) -> String {
    format!("nats://127.0.0.1:{}", instance.ports[0])
}

/// Starting a server blocks, so it is kept off the test's runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("{error:#}"),
        Err(error) => panic!("{error}"),
    }
}
