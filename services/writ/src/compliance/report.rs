//! `writ compliance report`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::Asked;
use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output::{self, Column};

const COLUMNS: &[Column] = &[
    ("CONTROL", "/id"),
    ("TITLE", "/title"),
    ("ASSESSMENT", "/assessment"),
    ("GAPS", "/gaps"),
];

#[derive(Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    asked: Asked,
    /// Write it there; it must not exist yet. A printable page for .html, OSCAL assessment results
    /// for .oscal.json, else the signed report
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: ReportArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let Some(out) = &args.out else {
        let report = signed(&api, &args.asked).await?;
        if context.format.is_data() {
            return output::data(context.format, &report);
        }
        let listed = |place| {
            let found = report.pointer(place).and_then(Value::as_array).cloned();
            found.unwrap_or_default()
        };
        output::rows(context.format, &listed("/statement/controls"), COLUMNS)?;
        let gaps = listed("/statement/gaps");
        let mut gaps = gaps.iter().filter_map(Value::as_str);
        return gaps.try_for_each(output::note);
    };
    let bytes = match form(out) {
        "json" => pretty(&signed(&api, &args.asked).await?),
        form => document(&api, &args.asked, form).await?,
    };
    keep(out, &bytes)?;
    output::note(&format!("written to {}", out.display()))
}

fn form(out: &Path) -> &'static str {
    let name = out.to_string_lossy().to_ascii_lowercase();
    if name.ends_with(".html") || name.ends_with(".htm") {
        "html"
    } else if name.ends_with(".oscal.json") {
        "oscal"
    } else {
        "json"
    }
}

/// The signed report.
pub(super) async fn signed(api: &Api, asked: &Asked) -> Result<Value, Failure> {
    let mut answer = api
        .get(&["compliance", "reports"], &asked.query("json"))
        .await?;
    let signed = answer.get_mut("data").map(Value::take);
    signed.ok_or_else(|| Failure::Unavailable("the server answered without a report".to_owned()))
}

/// One report in three forms.
pub(super) struct Forms {
    /// Signed.
    pub(super) report: Value,
    pub(super) html: String,
    pub(super) oscal: Value,
}

/// The report and its other forms, by one request: they say the same.
pub(super) async fn forms(api: &Api, asked: &Asked) -> Result<Forms, Failure> {
    let path = ["compliance", "reports"];
    let mut answer = api.get(&path, &asked.query("all")).await?;
    let mut take = |form: &str| {
        let found = answer.pointer_mut(&format!("/data/{form}"));
        let found = found.map(Value::take);
        found.ok_or_else(|| Failure::Unavailable(format!("the server answered without {form}")))
    };
    let (report, html, oscal) = (take("report")?, take("html")?, take("oscal")?);
    let html = html.as_str().unwrap_or_default().to_owned();
    Ok(Forms {
        report,
        html,
        oscal,
    })
}

/// The report in another form, as it comes.
async fn document(api: &Api, asked: &Asked, form: &str) -> Result<Vec<u8>, Failure> {
    let path = ["compliance", "reports"];
    let answer = api.download(&path, &asked.query(form)).await?;
    let bytes = answer.bytes().await.map_err(|error| {
        let why = crate::api::innermost(&error);
        Failure::Unavailable(format!("the report ended early: {why}; try again"))
    })?;
    Ok(bytes.to_vec())
}

pub(super) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Writes a file that is not there yet.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let broken =
        |error: std::io::Error| Failure::Unavailable(format!("{}: {error}", path.display()));
    let mut file = std::fs::File::create_new(path).map_err(broken)?;
    file.write_all(bytes).map_err(broken)?;
    file.sync_all().map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_says_its_form() {
        for (name, expected) in [
            ("soc2.html", "html"),
            ("SOC2.HTM", "html"),
            ("soc2.oscal.json", "oscal"),
            ("soc2.json", "json"),
            ("html", "json"),
        ] {
            assert_eq!(form(Path::new(name)), expected, "{name}");
        }
    }
}
