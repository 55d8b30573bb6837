//! A whole Writ of the test's own, as `writ dev` starts it.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures::StreamExt as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

const READY: Duration = Duration::from_secs(120);

pub(crate) struct Stack {
    pub(crate) env: HashMap<String, String>,
    pub(crate) http: reqwest::Client,
    dir: tempfile::TempDir,
    child: Child,
}

impl Stack {
    /// Everything in one process, without demo data.
    pub(crate) async fn start() -> Self {
        Self::with(&["--empty"]).await
    }

    pub(crate) async fn with(args: &[&str]) -> Self {
        Self::with_env(args, &[]).await
    }

    /// With these variables in the environment of every service.
    pub(crate) async fn with_env(args: &[&str], env: &[(&str, &str)]) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        // Below target/: a data folder must not be on a small or volatile /tmp.
        let dir = tempfile::tempdir_in(binary("").parent().unwrap()).unwrap();
        let data = dir.path().join("data");
        let port_base = free_ports();
        let log = std::fs::File::create(dir.path().join("stack.log")).unwrap();
        // The stack must not outlive a test that was killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(binary("writ-dev"))
            .args(args)
            .envs(env.iter().copied())
            .env("WRIT_DEV_DIR", &data)
            .env("WRIT_PORT_BASE", port_base.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("writ-dev is built: `make build`");
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(40))
            .build()
            .unwrap();
        let mut stack = Self {
            env: HashMap::new(),
            http,
            dir,
            child,
        };
        stack.wait_until_ready(&data).await;
        stack
    }

    async fn wait_until_ready(&mut self, data: &Path) {
        let until = Instant::now() + READY;
        loop {
            if let Ok(text) = std::fs::read_to_string(data.join("dev.env")) {
                let pair = |line: &str| line.split_once('=').map(|(k, v)| (k.into(), v.into()));
                self.env = text.lines().filter_map(pair).collect();
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < until,
                "not ready:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stack.log")).unwrap_or_default()
    }

    pub(crate) fn var(&self, name: &str) -> &str {
        self.env
            .get(name)
            .unwrap_or_else(|| panic!("dev.env has no {name}"))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request to the API, without a key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.var("WRIT_URL"));
        self.http.request(method, url)
    }

    /// Calls the API with the key that dev.env has under `key`.
    pub(crate) async fn call(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        request = request.header("x-api-key", self.var(key));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("WRIT_ADMIN_KEY", Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self
            .call("WRIT_ADMIN_KEY", Method::POST, path, Some(body))
            .await;
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Registers an agent and returns its UUID.
    pub(crate) async fn agent(&self, id: &str) -> String {
        let body = serde_json::json!({"agentId": id, "name": id, "environment": "production"});
        let agent = self.post("/agents", body).await;
        agent["data"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn policy(&self, kind: &str, mode: &str, rule: Value) -> Value {
        let body = serde_json::json!({
            "name": format!("{kind} {mode}"), "policyType": kind, "enforcementMode": mode,
            "ruleDefinition": rule, "appliesToAgents": [], "isActive": true,
        });
        self.post("/policies", body).await
    }

    pub(crate) async fn enforce(&self, agent: &str, input: &str) -> (StatusCode, Value) {
        let body = serde_json::json!({
            "agentId": agent, "environment": "production", "input": input
        });
        self.call(
            "WRIT_API_KEY",
            Method::POST,
            "/policies/enforce",
            Some(body),
        )
        .await
    }

    /// Rows of a ClickHouse query, as JSON objects.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Value> {
        let sql = format!("{sql} FORMAT JSONEachRow");
        let answer = self
            .http
            .post(self.var("CLICKHOUSE_URL"))
            .body(sql)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A NATS connection to a URL of dev.env; this client takes no credentials from a URL.
    pub(crate) async fn nats(&self, name: &str) -> async_nats::Client {
        let url = self.var(name);
        let (login, host) = url.split_once("://").unwrap().1.split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let options =
            async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
        options.connect(host).await.unwrap()
    }

    /// Everything a stream holds.
    pub(crate) async fn messages(&self, stream: &str) -> Vec<Message> {
        let jetstream = async_nats::jetstream::new(self.nats("NATS_URL").await);
        let mut stream = jetstream.get_stream(stream).await.unwrap();
        let count = usize::try_from(stream.info().await.unwrap().state.messages).unwrap();
        let consumer = stream.create_consumer(OrderedConfig::default()).await;
        let messages = consumer.unwrap().messages().await.unwrap();
        messages.take(count).map(Result::unwrap).collect().await
    }

    /// `writ` with the stack's environment, as the owner.
    pub(crate) fn writ_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary("writ"));
        command
            .args(args)
            .envs(&self.env)
            .env("WRIT_API_KEY", self.var("WRIT_ADMIN_KEY"));
        command
    }

    /// Runs it; stdout when it succeeds.
    pub(crate) fn writ(&self, args: &[&str]) -> String {
        let output = self.writ_command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "writ {args:?}: {}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Runs a script with the SDK's Python and the stack's environment; its last line as JSON.
    pub(crate) fn python(&self, script: &str) -> Value {
        self.last_line(self.python_command(script).output())
    }

    /// A script with the SDK's Python and the stack's environment.
    pub(crate) fn python_command(&self, script: &str) -> Command {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/");
        let mut command = Command::new(tools().join("venv/bin/python"));
        command.arg(format!("{path}{script}")).envs(&self.env);
        command
    }

    /// The last line of what a script printed, as JSON; it must have succeeded.
    pub(crate) fn last_line(&self, output: std::io::Result<std::process::Output>) -> Value {
        let output = output.expect("the SDK is installed: `make setup`");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{out}{err}\n--- stack ---\n{}",
            self.log()
        );
        serde_json::from_str(out.lines().last().unwrap()).unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args(["-s", "TERM", &pid]).status());
        let until = Instant::now() + Duration::from_secs(40);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What is answered, as JSON.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} {text}"));
    (status, body)
}

/// Where `make setup` puts what is not built here.
pub(crate) fn tools() -> PathBuf {
    let named = std::env::var("WRIT_TOOLS_DIR");
    let home = || format!("{}/.cache/writ-tools", std::env::var("HOME").unwrap());
    PathBuf::from(named.unwrap_or_else(|_| home()))
}

/// A binary of this build.
pub(crate) fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().join(name)
}

/// The first of fifty free ports, below those the system gives out. Tests that run at the same
/// time look in different places.
fn free_ports() -> u16 {
    let start = u16::try_from(std::process::id() % 250).unwrap();
    let block = |n: u16| 20_000 + ((start + n) % 250) * 50;
    let free =
        |base: &u16| (*base..*base + 50).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (0..250)
        .map(block)
        .find(free)
        .expect("fifty free ports in a row")
}
