//! `docs/errors` has a page for every numbered error that a service gives, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PREFIXES: [&str; 7] = ["CTL", "ENF", "ING", "AUD", "ANO", "APR", "NOT"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every quoted `"CTL0001"` in the product code of the services.
fn given() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for service in fs::read_dir(root().join("services")).unwrap() {
        let service = service.unwrap();
        let folder = service.path().join("src");
        if service.file_name() != "writ" && folder.is_dir() {
            sources(&folder, &mut texts);
        }
    }
    let quoted = texts.iter().flat_map(|text| text.split('"'));
    quoted
        .filter(|text| is_reference(text))
        .map(str::to_owned)
        .collect()
}

fn is_reference(text: &str) -> bool {
    let known = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    known.is_some_and(|rest| rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Reference and title of each page.
fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root().join("docs/errors")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "README" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let start = format!("# {name} · ");
        let title = text.lines().next().unwrap().strip_prefix(&start);
        let title = title.unwrap_or_else(|| panic!("{name}.md must begin with \"{start}\""));
        assert!(
            text.contains("\nStatus "),
            "{name}.md: no line with the status"
        );
        assert!(
            text.contains("**What to do.**"),
            "{name}.md does not say what to do"
        );
        pages.push((name, title.to_owned()));
    }
    pages.sort();
    pages
}

#[test]
fn every_error_has_a_page_and_every_page_an_error() {
    let written: BTreeSet<String> = pages().into_iter().map(|(name, _)| name).collect();
    let given = given();
    let missing: Vec<_> = given.difference(&written).collect();
    let stale: Vec<_> = written.difference(&given).collect();
    assert!(missing.is_empty(), "no page in docs/errors for {missing:?}");
    assert!(
        stale.is_empty(),
        "no service gives {stale:?} any more: remove the page"
    );
}

/// `WRIT_BLESS=1` writes it.
#[test]
fn the_index_lists_every_page() {
    let rows: String = pages()
        .iter()
        .map(|(name, title)| format!("| [{name}]({name}.md) | {title} |\n"))
        .collect();
    let made = format!(
        "# Errors\n\nWhat `error.ref` in an answer means and what to do. `error.code` is the word to program \
         against; the number\nis for looking up. `CTL` control, `ENF` enforcement, `ING` ingest, `AUD` audit \
         ledger, `ANO` anomaly, `APR` approval,\n`NOT` notifier.\n\n| ref | what happened |\n|---|---|\n{rows}"
    );
    let path = root().join("docs/errors/README.md");
    if std::env::var_os("WRIT_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert_eq!(kept, made, "WRIT_BLESS=1 cargo nextest run -p writ");
}
