//! `writ compliance package`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::archive::{Archive, TooLarge};
use super::{Asked, report};
use crate::api::Api;
use crate::cli::Context;
use crate::failure::Failure;
use crate::output;

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
    let signed = report::signed(&api, &args.asked).await?;
    let samples = samples(&signed);
    let mut archive = Archive::default();
    let mut add = |name: &str, content: &[u8]| archive.add(name, content).map_err(too_large);
    add("README.txt", README.as_bytes())?;
    add("report.json", &report::pretty(&signed))?;
    for (name, form) in [("report.html", "html"), ("report.oscal.json", "oscal")] {
        add(name, &report::document(&api, &args.asked, form).await?)?;
    }
    let keys = crate::audit::keys::ask(&api).await?;
    add("keys.json", &report::pretty(&keys))?;
    let listed = Value::from(samples.values().cloned().collect::<Vec<_>>());
    add(
        "samples.json",
        &report::pretty(&json!({ "entries": listed })),
    )?;
    for id in samples.values().filter_map(decision) {
        let receipt = receipt(&api, id).await?;
        add(&format!("receipts/{id}.json"), &report::pretty(&receipt))?;
    }
    let bytes = archive.finish().map_err(too_large)?;
    report::keep(&args.out, &bytes)?;
    output::note(&format!(
        "written to {}: {} entries cited; see README.txt in it",
        args.out.display(),
        samples.len()
    ))
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

/// The decision an entry is about: the id in the path of its receipt.
fn decision(sample: &Value) -> Option<&str> {
    let path = sample["receipt"].as_str()?;
    path.strip_suffix("/receipt")?.rsplit('/').next()
}

async fn receipt(api: &Api, id: &str) -> Result<Value, Failure> {
    let path = ["audit", "decisions", id, "receipt"];
    let mut answer = api.get(&path, &[]).await?;
    let receipt = answer.get_mut("data").map(Value::take);
    receipt.ok_or_else(|| Failure::Unavailable(format!("{id}: the server gave no receipt")))
}

fn too_large(error: TooLarge) -> Failure {
    Failure::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_cited_twice_is_one_sample() {
        let one = json!({"seq": 4, "receipt": "/api/v1/audit/decisions/dec_1/receipt"});
        let other = json!({"seq": 2, "receipt": null});
        let signed = json!({"statement": {"controls": [
            {"samples": [one, other]}, {"samples": [one]}, {"samples": []},
        ]}});
        let samples = samples(&signed);
        assert_eq!(samples.keys().copied().collect::<Vec<_>>(), [2, 4]);
        let receipts: Vec<&str> = samples.values().filter_map(decision).collect();
        assert_eq!(receipts, ["dec_1"]);
    }
}
