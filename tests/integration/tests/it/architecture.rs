//! The architecture as text: who depends on whom, what each domain imports. A change of these files
//! is a change of the design, and reviewed as one (`make gen` writes them).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn compare(name: &str, now: &str) {
    let path = root().join("schemas").join(name);
    if std::env::var_os("WRIT_BLESS").is_some() {
        std::fs::write(&path, now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, now,
        "schemas/{name} differs: run `make gen` and review the change"
    );
}

/// Edges between the crates of this workspace, without those of tests and builds.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--locked",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |v: &Value| v["name"].as_str().unwrap().to_owned();
    let ours = |d: &&Value| d["kind"].is_null() && d["path"].is_string();
    let packages = metadata["packages"].as_array().unwrap();
    let edge = |p: &Value| {
        (
            name(p),
            p["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(ours)
                .map(name)
                .collect(),
        )
    };
    packages.iter().map(edge).collect()
}

#[test]
fn dependencies_are_those_of_the_design() {
    let mut text = String::new();
    for (package, on) in edges() {
        let on: Vec<String> = on.into_iter().collect();
        text += &format!("{package} -> {}\n", on.join(", "));
    }
    compare("dependencies.txt", &text);
}

#[test]
fn no_service_depends_on_another_and_the_pure_crates_only_on_each_other() {
    let services = [
        "control",
        "enforcement",
        "ingest",
        "audit-ledger",
        "anomaly",
        "approval",
        "notifier",
    ]
    .map(|name| format!("writ-{name}"));
    let edges = edges();
    for service in services.iter().chain([&"writ".to_owned()]) {
        let others: Vec<_> = edges[service]
            .iter()
            .filter(|d| services.contains(d))
            .collect();
        assert!(others.is_empty(), "{service} depends on {others:?}");
    }
    let pure =
        ["contract", "policy", "chain", "access", "address"].map(|name| format!("writ-{name}"));
    for name in &pure {
        let mut on = edges[name].iter();
        assert!(
            on.all(|other| pure.contains(other)),
            "{name} is pure and depends on one that is not"
        );
    }
}

/// Rust files of the domain of each service.
fn domain_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            domain_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs")
            && path
                .components()
                .any(|c| c.as_os_str().to_string_lossy().starts_with("domain"))
        {
            found.push(path);
        }
    }
}

#[test]
fn domains_import_no_runtime_no_store_and_no_transport() {
    let mut files = Vec::new();
    domain_files(&root().join("services"), &mut files);
    assert!(files.len() >= 6, "{} domain files", files.len());
    let mut imports = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        for import in product.lines().filter_map(|line| line.strip_prefix("use ")) {
            let krate = import.split([':', ';', ' ']).next().unwrap_or_default();
            imports.insert(format!("{name}: {krate}"));
            let forbidden = [
                "tokio",
                "sqlx",
                "axum",
                "async_nats",
                "clickhouse",
                "reqwest",
                "tonic",
            ];
            assert!(!forbidden.contains(&krate), "{name} imports {krate}");
        }
    }
    let text: Vec<String> = imports.into_iter().collect();
    compare("domain-imports.txt", &(text.join("\n") + "\n"));
}

#[test]
fn every_endpoint_has_an_access_rule_and_is_listed() {
    let output = Command::new(crate::stack::binary("writ-dev"))
        .arg("--endpoints")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    compare("endpoints.txt", &String::from_utf8(output.stdout).unwrap());
}

#[test]
fn the_document_of_the_api_says_something_of_every_endpoint() {
    let [document, table] = ["--openapi", "--endpoints"].map(|what| {
        let asked = Command::new(crate::stack::binary("writ-dev"))
            .arg(what)
            .output();
        let output = asked.unwrap();
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problems}");
        String::from_utf8(output.stdout).unwrap()
    });
    let paths: Value = serde_json::from_str(&document).unwrap();
    for line in table.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let operation = &paths["paths"][path.replace("{*", "{")][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not in it");
    }
    compare("openapi.json", &document);
}
