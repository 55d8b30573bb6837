//! `writ doctor`: is everything Writ rests on there, and what to do when it is not.

mod checks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{self, Format};

/// What is not given is read from the development stack's `dev.env`.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The message broker, nats://…
    #[arg(long, env = "NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
    /// Postgres, postgres://…
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// ClickHouse's HTTP port, http://…
    #[arg(long, env = "CLICKHOUSE_URL", hide_env_values = true)]
    clickhouse_url: Option<String>,
    /// Where set-up put its tools; default: ~/.cache/writ-tools
    #[arg(long, env = "WRIT_TOOLS_DIR", value_name = "DIR")]
    tools_dir: Option<PathBuf>,
    #[arg(long, env = "WRIT_POSTGRES_BIN", hide = true)]
    postgres_bin: Option<PathBuf>,
    #[arg(long = "home-dir", env = "HOME", hide = true)]
    home: Option<PathBuf>,
}

/// How one thing is.
struct Finding {
    what: &'static str,
    verdict: Result<String, Problem>,
}

/// What is wrong, and what to do.
struct Problem {
    why: String,
    advice: String,
}

impl Problem {
    fn new(why: impl Into<String>, advice: impl Into<String>) -> Self {
        let (why, advice) = (why.into(), advice.into());
        Self { why, advice }
    }
}

pub(crate) async fn run(args: DoctorArgs, context: &Context) -> Result<ExitCode, Failure> {
    let env = context.target.dev_env();
    let url = |given: &Option<String>, name: &str| {
        let given = given.clone().filter(|it| !it.is_empty());
        given.or_else(|| env.get(name).map(str::to_owned))
    };
    let nats = url(&args.nats_url, "NATS_URL");
    let database = url(&args.database_url, "DATABASE_URL");
    let clickhouse = url(&args.clickhouse_url, "CLICKHOUSE_URL");
    let target = context.target.resolve(&env).ok();
    let (nats, database, clickhouse, api, key) = tokio::join!(
        checks::nats(nats.as_deref()),
        checks::postgres(database.as_deref()),
        checks::clickhouse(clickhouse.as_deref()),
        checks::api(target.as_ref()),
        checks::key(target.as_ref()),
    );
    let findings = [
        (
            "tools",
            checks::tools(&args.tools(), args.postgres_bin.as_deref()),
        ),
        ("NATS", nats),
        ("Postgres", database),
        ("ClickHouse", clickhouse),
        ("API", api),
        ("API key", key),
    ]
    .map(|(what, verdict)| Finding { what, verdict });
    report(&findings, context.format)
}

impl DoctorArgs {
    fn tools(&self) -> PathBuf {
        let default = || {
            self.home
                .clone()
                .unwrap_or_default()
                .join(".cache/writ-tools")
        };
        self.tools_dir.clone().unwrap_or_else(default)
    }
}

fn report(findings: &[Finding], format: Format) -> Result<ExitCode, Failure> {
    if format.is_data() {
        output::data(format, &findings.iter().map(as_json).collect())?;
    } else {
        for Finding { what, verdict } in findings {
            match verdict {
                Ok(how) => output::check(true, what, how)?,
                Err(Problem { why, advice }) => {
                    output::check(false, what, &format!("{why}; {advice}"))?;
                }
            }
        }
    }
    Ok(match findings.iter().all(|it| it.verdict.is_ok()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn as_json(finding: &Finding) -> Value {
    match &finding.verdict {
        Ok(how) => json!({ "check": finding.what, "ok": true, "detail": how }),
        Err(Problem { why, advice }) => {
            json!({ "check": finding.what, "ok": false, "detail": why, "advice": advice })
        }
    }
}
