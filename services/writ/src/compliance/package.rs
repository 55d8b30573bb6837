//! `writ compliance package`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::archive::{Archive, TooLarge};
use super::{Asked, report};
use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::list;
use crate::output;

/// Of later times it is not known yet whether anything is missing.
const HEARD: TimeDelta = TimeDelta::minutes(2);
/// The longest period of a statement of coverage.
const LONGEST: Days = Days::new(366);

const README: &str = include_str!("package/README.txt");

#[derive(Args)]
pub(crate) struct PackageArgs {
    #[command(flatten)]
    asked: Asked,
    /// The zip; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn run(args: PackageArgs, context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let forms = report::forms(&api, &args.asked).await?;
    let signed = forms.report;
    let samples = samples(&signed);
    let mut archive = Archive::default();
    let mut add = |name: &str, content: &[u8]| archive.add(name, content).map_err(too_large);
    add("README.txt", README.as_bytes())?;
    add("report.json", &report::pretty(&signed))?;
    add("report.html", forms.html.as_bytes())?;
    add("report.oscal.json", &report::pretty(&forms.oscal))?;
    let keys = crate::audit::keys::ask(&api).await?;
    add("keys.json", &report::pretty(&keys))?;
    let listed = Value::from(samples.values().cloned().collect::<Vec<_>>());
    add(
        "samples.json",
        &report::pretty(&json!({ "entries": listed })),
    )?;
    for seq in samples.keys() {
        let receipt = receipt(&api, *seq).await?;
        add(&format!("receipts/{seq}.json"), &report::pretty(&receipt))?;
    }
    let agents = match period(&signed) {
        Some(period) => match coverage(&api, period).await {
            Ok(agents) => agents,
            // A part of the window cannot be counted any more: the reason is in the package.
            Err(Failure::Refused(why)) => {
                add("coverage/NONE.txt", format!("{why}\n").as_bytes())?;
                Vec::new()
            }
            Err(other) => return Err(other),
        },
        None => Vec::new(),
    };
    for (agent, statement) in &agents {
        add(
            &format!("coverage/{agent}.json"),
            &report::pretty(statement),
        )?;
    }
    let bytes = archive.finish().map_err(too_large)?;
    report::keep(&args.out, &bytes)?;
    output::note(&format!(
        "written to {}: {} entries cited, coverage of {} agents; see README.txt in it",
        args.out.display(),
        samples.len(),
        agents.len()
    ))
}

/// The window of a report as far as coverage can be stated: of what was recorded and is gone by, and of
/// a year at most.
fn period(signed: &Value) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let text = |place| signed.pointer(place).and_then(Value::as_str);
    let day = |place| text(place)?.parse::<NaiveDate>().ok();
    let made: DateTime<Utc> = text("/statement/generatedAt")?.parse().ok()?;
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let over = midnight(day("/statement/window/to")?.succ_opt()?);
    let end = over.min(made - HEARD);
    let began: DateTime<Utc> = text("/statement/recording/began")?.parse().ok()?;
    let begin = midnight(day("/statement/window/from")?).max(began);
    // Of a record that is younger it is stated what is known of it now.
    let end = if end <= begin { over.min(made) } else { end };
    let begin = begin.max(end - LONGEST);
    (begin < end).then_some((begin, end))
}

/// The signed statement of each agent, by its id.
async fn coverage(
    api: &Api,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<(String, Value)>, Failure> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut stated = Vec::new();
    for agent in list::all(api, &["agents"]).await? {
        let Some(id) = agent.get("id").and_then(Value::as_str) else {
            continue;
        };
        let query = [
            ("agentId", id.to_owned()),
            ("from", time(from)),
            ("to", time(to)),
        ];
        match api.get(&["audit", "coverage"], &query).await {
            Ok(answer) => stated.push((id.to_owned(), list::data(answer))),
            // Registered a moment ago: no entry speaks of it yet.
            Err(Failure::NotFound(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(stated)
}

/// Every entry that the report cites, once, by its number.
fn samples(signed: &Value) -> BTreeMap<u64, Value> {
    let controls = signed
        .pointer("/statement/controls")
        .and_then(Value::as_array);
    let cited = controls
        .into_iter()
        .flatten()
        .filter_map(|control| control["samples"].as_array())
        .flatten();
    cited
        .filter_map(|sample| Some((sample["seq"].as_u64()?, sample.clone())))
        .collect()
}

async fn receipt(api: &Api, seq: u64) -> Result<Value, Failure> {
    let path = ["audit", "entries", &seq.to_string(), "receipt"];
    let mut answer = api.get(&path, &[]).await?;
    let receipt = answer.get_mut("data").map(Value::take);
    receipt.ok_or_else(|| Failure::Unavailable(format!("entry {seq}: the server gave no receipt")))
}

fn too_large(error: TooLarge) -> Failure {
    Failure::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_stated_of_what_is_gone_by() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let of = |from: &str, to: &str| {
            let window = json!({"from": from, "to": to});
            let recording = json!({"began": "2025-01-01T10:00:00Z"});
            period(
                &json!({"statement": {"window": window, "recording": recording,
                "generatedAt": "2026-11-20T12:00:00Z"}}),
            )
        };
        let whole = Some((at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")));
        assert_eq!(of("2026-10-01", "2026-10-31"), whole);
        let until_now = Some((at("2026-11-20T00:00:00Z"), at("2026-11-20T11:58:00Z")));
        assert_eq!(of("2026-11-20", "2026-11-20"), until_now);
        assert_eq!(of("2026-11-21", "2026-11-30"), None);
        let young = Some((at("2025-01-01T10:00:00Z"), at("2025-01-03T00:00:00Z")));
        assert_eq!(of("2024-12-01", "2025-01-02"), young);
        assert_eq!(of("2024-12-01", "2024-12-31"), None);
        let long = of("2020-01-01", "2026-10-31").unwrap();
        assert_eq!(long.1 - long.0, TimeDelta::days(366));
    }

    #[test]
    fn an_entry_cited_twice_is_one_sample() {
        let one = json!({"seq": 4});
        let other = json!({"seq": 2});
        let signed = json!({"statement": {"controls": [
            {"samples": [one, other]}, {"samples": [one]}, {"samples": []},
        ]}});
        let samples = samples(&signed);
        assert_eq!(samples.keys().copied().collect::<Vec<_>>(), [2, 4]);
    }
}
