//! The REST API, as a client sees it.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url, header};
use serde_json::Value;

use crate::failure::Failure;
use crate::output;
use crate::target::Target;

/// A little more than the server's own 30 s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// The server counts calls by the minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A whole ledger takes as long as it takes: ten million entries are ten gigabytes.
const DOWNLOAD: Duration = Duration::from_secs(24 * 3600);
/// A server that sends nothing for so long hangs. The longest it has to look for what a filter shows.
const SILENCE: Duration = Duration::from_secs(600);

/// One call, as the document of the API says it.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// In capitals.
    pub(crate) method: String,
    /// Segments below `/api/v1`.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    /// How many items of a list are wanted.
    pub(crate) limit: usize,
}

/// A server and a key for it.
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

impl Api {
    /// A client; nothing is sent yet.
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let url = &target.url;
            Failure::Usage(format!(
                "--url {url}: {why}; it looks like http://127.0.0.1:8420"
            ))
        };
        let base = Url::parse(&target.url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong("not an http or https URL"));
        }
        Ok(Self {
            http: client(TIMEOUT, &base)?,
            base,
            key: target.key,
        })
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str()
    }

    /// Whether calls carry a key.
    pub(crate) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// `GET /api/v1/<path>`; the whole body.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Value, Failure> {
        let request = self.request(Method::GET, self.url(path, query)?)?;
        self.answered(request, None).await
    }

    /// `GET` outside of `/api/v1`, without a key.
    pub(crate) async fn get_bare(&self, path: &[&str]) -> Result<Value, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.answered(self.http.get(url), None).await
    }

    /// Any other method under `/api/v1`; the whole body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.send_with(method, path, &[], body).await
    }

    /// Any other method, with a query.
    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let request = self.request(method, self.url(path, query)?)?;
        self.answered(request, body).await
    }

    /// Any other method, with headers that make it safe to repeat.
    pub(crate) async fn write(
        &self,
        method: Method,
        path: &[&str],
        headers: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut request = self.request(method, self.url(path, &[])?)?;
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        self.answered(request, body).await
    }

    /// Any call; the whole body.
    pub(crate) async fn call(&self, asked: &Request) -> Result<Value, Failure> {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let query: Vec<(&str, String)> = asked
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let method: Method = asked.method.parse().unwrap_or_default();
        let mut request = self.request(method, self.url(&path, &query)?)?;
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        self.answered(request, asked.body.as_ref()).await
    }

    /// `GET /api/v1/<path>` as it comes, for what is long and no JSON document.
    pub(crate) async fn download(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<reqwest::Response, Failure> {
        let request = self.request(Method::GET, self.url(path, query)?)?;
        let answer = request.timeout(DOWNLOAD).send().await;
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Err(refusal(status.as_u16(), &body))
    }

    /// Segments are percent-encoded, so an id cannot become a path.
    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, Failure> {
        if let Some(bad) = path.iter().find(|s| matches!(**s, "" | "." | "..")) {
            return Err(Failure::Usage(format!("\"{bad}\" is not an id")));
        }
        let mut url = self.base.clone();
        // Only a URL without a host has no segments, and http URLs always have one.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Failure> {
        match &self.key {
            Some(key) => Ok(self.http.request(method, url).bearer_auth(key)),
            None => Err(Failure::Forbidden(
                "no API key: set WRIT_API_KEY or give --key".into(),
            )),
        }
    }

    async fn answered(
        &self,
        mut request: RequestBuilder,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.patiently(request).await?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        match body {
            Some(body) if status.is_success() || is_decision(status, &body) => Ok(body),
            Some(body) => Err(refusal(status.as_u16(), &body)),
            None if status.is_success() && text.is_empty() => Ok(Value::Null),
            None => Err(Failure::Unavailable(format!(
                "{} answered {status} without JSON: is it Writ? check --url",
                self.base
            ))),
        }
    }

    /// Sends, and again when the server says when: a call over its limit has done nothing.
    async fn patiently(&self, request: RequestBuilder) -> Result<reqwest::Response, Failure> {
        let mut request = request;
        loop {
            let again = request.try_clone();
            let answer = request.send().await;
            let answer = answer.map_err(|error| self.unreachable(&error))?;
            match (again, wait(&answer)) {
                (Some(again), Some(wait)) => {
                    let seconds = wait.as_secs();
                    output::note(&format!("over the limit of calls: waiting {seconds} s"))?;
                    tokio::time::sleep(wait).await;
                    request = again;
                }
                (_, None) | (None, Some(_)) => return Ok(answer),
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::Unavailable(format!(
            "cannot reach {}: {}; start it with `writ dev`, or name another with --url",
            self.base,
            innermost(error)
        ))
    }
}

/// No, as the answer to what was asked: not as the refusal to answer it.
fn is_decision(status: StatusCode, body: &Value) -> bool {
    status == StatusCode::FORBIDDEN && body.get("allowed") == Some(&Value::Bool(false))
}

/// How long a call over the limit of its key is to wait; whoever asks for more is not waited for.
fn wait(answer: &reqwest::Response) -> Option<Duration> {
    if answer.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds: u64 = answer
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    let wait = Duration::from_secs(seconds.max(1));
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// An HTTP client for one server; a loopback server is never asked through a proxy.
pub(crate) fn client(timeout: Duration, server: &Url) -> Result<reqwest::Client, Failure> {
    // Only the first caller installs; later ones find it there.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("writ/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .read_timeout(SILENCE);
    let host = server.host_str().unwrap_or_default();
    if host == "localhost" || host == "[::1]" || host.starts_with("127.") {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Failure::Unavailable(format!("cannot make an HTTP client: {error}")))
}

/// The cause at the bottom says more than the layers above it.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// `{"error":{"code","message","requestId"?,"ref"?}}` as one line.
fn refusal(status: u16, body: &Value) -> Failure {
    let field = |name: &str| {
        body.pointer(&format!("/error/{name}"))
            .and_then(Value::as_str)
    };
    let said = field("message").unwrap_or("refused");
    // The message is for whoever writes the URL.
    let mut text = said.replace("?environment=", "--environment");
    let mut facts = vec![status.to_string()];
    facts.extend(field("code").map(str::to_owned));
    facts.extend(field("ref").map(|it| format!("see docs/errors/{it}.md")));
    facts.extend(field("requestId").map(|it| format!("request {it}")));
    text.push_str(&format!(" ({})", facts.join(", ")));
    match status {
        401 => Failure::Forbidden(format!("{text}; check WRIT_API_KEY or --key")),
        403 if field("code") == Some("FORBIDDEN") => {
            Failure::Forbidden(format!("{text}; use a key with a higher role"))
        }
        403 => Failure::Forbidden(text),
        404 => Failure::NotFound(text),
        400..=499 => Failure::Refused(text),
        _ => Failure::Unavailable(format!("{text}; try again, or see `writ doctor`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(url: &str) -> Result<Api, Failure> {
        Api::new(Target {
            url: url.to_owned(),
            key: None,
        })
    }

    #[test]
    fn an_id_stays_one_segment() {
        let api = api("http://h:1/base/").unwrap();
        let url = api.url(&["agents", "a/b?c#d"], &[]).unwrap();
        assert_eq!(url.as_str(), "http://h:1/base/api/v1/agents/a%2Fb%3Fc%23d");
        for id in ["..", ".", ""] {
            assert!(api.url(&["agents", id], &[]).is_err(), "{id:?}");
        }
    }

    #[test]
    fn what_is_no_web_address_is_a_usage_error() {
        for url in ["", "localhost:8420", "ftp://x", "http://"] {
            assert!(matches!(api(url), Err(Failure::Usage(_))), "{url}");
        }
    }

    #[test]
    fn an_error_body_becomes_one_line() {
        let body = json!({"error": {"code": "CYCLE", "message": "no", "ref": "CTL0003"}});
        let failure = refusal(409, &body);
        assert_eq!(
            failure.to_string(),
            "no (409, CYCLE, see docs/errors/CTL0003.md)"
        );
        let many = json!({"error": {"message": "several: add ?environment="}});
        let text = refusal(409, &many).to_string();
        assert_eq!(text, "several: add --environment (409)");
        let role = json!({"error": {"code": "FORBIDDEN", "message": "needs admin"}});
        assert!(refusal(403, &role).to_string().contains("higher role"));
        assert!(matches!(refusal(404, &json!({})), Failure::NotFound(_)));
        assert!(matches!(refusal(401, &json!(null)), Failure::Forbidden(_)));
        assert!(matches!(refusal(503, &json!("x")), Failure::Unavailable(_)));
    }
}
