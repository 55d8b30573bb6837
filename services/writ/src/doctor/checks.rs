//! One function per thing that is checked; each gives up after [`PATIENCE`].

use std::path::Path;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;
use sqlx::{ConnectOptions, Connection};

use super::Problem;
use crate::api::{client, innermost};
use crate::target::Target;

const PATIENCE: Duration = Duration::from_secs(3);
/// Older servers lack what the gate needs, and lose streams on kill -9.
const NATS_AT_LEAST: (u32, u32) = (2, 14);
const POSTGRES_AT_LEAST: i32 = 15;
const START: &str = "start the stack with `writ dev`";

type Verdict = Result<String, Problem>;

/// The programs that set-up installs.
pub(super) fn tools(folder: &Path, postgres_bin: Option<&Path>) -> Verdict {
    let postgres = postgres_bin.unwrap_or(Path::new("/usr/lib/postgresql/15/bin"));
    let needed = [
        folder.join("venv/bin/nats-server"),
        folder.join("chdb/libchdb.so"),
        postgres.join("postgres"),
    ];
    let missing = needed.iter().find(|path| !path.is_file());
    match missing {
        None => Ok(format!("all in {}", folder.display())),
        Some(path) => Err(Problem::new(
            format!("{} is missing", path.display()),
            "run `make setup`",
        )),
    }
}

/// Reachable, recent enough, JetStream on.
pub(super) async fn nats(url: Option<&str>) -> Verdict {
    let url = known(url, "NATS_URL")?;
    let connected = crate::nats::connect(url, PATIENCE)
        .await
        .map_err(|why| Problem::new(format!("cannot connect: {why}"), START))?;
    let info = connected.server_info();
    let (version, wanted) = (
        &info.version,
        format!("{}.{}", NATS_AT_LEAST.0, NATS_AT_LEAST.1),
    );
    if nats_version(version).is_none_or(|it| it < NATS_AT_LEAST) {
        return Err(Problem::new(
            format!("version {version} is too old"),
            format!("use nats-server {wanted} or newer; `make setup` installs one"),
        ));
    }
    if !info.jetstream {
        return Err(Problem::new(
            "JetStream is off",
            "add a jetstream block to the server's configuration",
        ));
    }
    Ok(format!("{version}, JetStream on"))
}

fn nats_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Reachable and recent enough.
pub(super) async fn postgres(url: Option<&str>) -> Verdict {
    let url = known(url, "DATABASE_URL")?;
    let options: sqlx::postgres::PgConnectOptions = url
        .parse()
        .map_err(|error| Problem::new(format!("DATABASE_URL: {error}"), "correct it"))?;
    let asking = async {
        let mut connection = options.connect().await?;
        let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int4")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok::<i32, sqlx::Error>(number / 10_000)
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Err(_) => Err(Problem::new("does not answer", START)),
        Ok(Err(error)) => Err(Problem::new(
            format!("cannot connect: {}", innermost(&error)),
            START,
        )),
        Ok(Ok(major)) if major < POSTGRES_AT_LEAST => Err(Problem::new(
            format!("version {major} is too old"),
            format!("use Postgres {POSTGRES_AT_LEAST} or newer"),
        )),
        Ok(Ok(major)) => Ok(format!("version {major}")),
    }
}

/// Answers a query.
pub(super) async fn clickhouse(url: Option<&str>) -> Verdict {
    let url = web(known(url, "CLICKHOUSE_URL")?, "CLICKHOUSE_URL")?;
    let (status, text) = get(url, &[("query", "SELECT version()")], None).await?;
    if status == 200 {
        Ok(format!("version {}", text.trim()))
    } else {
        let reason = text.lines().next().unwrap_or_default();
        Err(Problem::new(
            format!("answers {status}: {reason}"),
            "check user and password in CLICKHOUSE_URL",
        ))
    }
}

/// Every service behind the API is ready.
pub(super) async fn api(target: Option<&Target>) -> Verdict {
    let target = target.ok_or_else(|| unknown("WRIT_URL"))?;
    let (status, text) = get(page(target, "readyz")?, &[], None).await?;
    if status == 200 {
        return Ok(format!("ready at {}", target.url));
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let missing = body.get("missing").and_then(Value::as_array);
    let reasons: Vec<String> = missing
        .into_iter()
        .flatten()
        .map(|it| {
            let field = |name| it.get(name).and_then(Value::as_str).unwrap_or("?");
            format!(
                "{} waits for {}: {}",
                field("service"),
                field("what"),
                field("why")
            )
        })
        .collect();
    let why = if reasons.is_empty() {
        format!("answers {status}")
    } else {
        reasons.join(", ")
    };
    Err(Problem::new(why, "wait, then see the services' logs"))
}

/// `/health` refuses a wrong key and nothing else.
pub(super) async fn key(target: Option<&Target>) -> Verdict {
    let target = target.ok_or_else(|| unknown("WRIT_URL"))?;
    let Some(key) = &target.key else {
        return Err(unknown("WRIT_API_KEY"));
    };
    match get(page(target, "health")?, &[], Some(key)).await? {
        (200, _) => Ok("accepted".into()),
        (401, _) => Err(Problem::new(
            "not accepted",
            "take the one in dev.env, or make one with `writ key create`",
        )),
        (status, _) => Err(Problem::new(
            format!("/health answers {status}"),
            "see the line about the API",
        )),
    }
}

fn known<'a>(url: Option<&'a str>, name: &str) -> Result<&'a str, Problem> {
    url.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Problem {
    Problem::new("not known", format!("set {name}, or {START} here"))
}

fn page(target: &Target, path: &str) -> Result<Url, Problem> {
    let mut url = web(&target.url, "WRIT_URL")?;
    url.set_path(path);
    Ok(url)
}

fn web(url: &str, name: &str) -> Result<Url, Problem> {
    Url::parse(url).map_err(|error| Problem::new(format!("{name}: {error}"), "correct it"))
}

async fn get(
    mut url: Url,
    query: &[(&str, &str)],
    key: Option<&str>,
) -> Result<(u16, String), Problem> {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let client = client(PATIENCE, &url).map_err(|error| Problem::new(error.to_string(), START))?;
    let mut request = client.get(url);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let asking = async {
        let answer = request.send().await?;
        Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.text().await?))
    };
    asking
        .await
        .map_err(|error| Problem::new(format!("cannot connect: {}", innermost(&error)), START))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(nats_version("2.9.10").unwrap() < NATS_AT_LEAST);
        assert!(nats_version("2.14.0-RC.1").unwrap() >= NATS_AT_LEAST);
        assert!(nats_version("2.15.1").unwrap() >= NATS_AT_LEAST);
        assert_eq!(nats_version("x"), None);
    }

    #[tokio::test]
    async fn what_nobody_named_says_how_to_name_it() {
        let problem = nats(None).await.unwrap_err();
        assert!(problem.advice.contains("NATS_URL"));
        let missing = tools(Path::new("/nowhere"), None).unwrap_err();
        assert!(missing.advice.contains("make setup"), "{}", missing.why);
    }
}
