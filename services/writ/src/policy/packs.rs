//! Starter packs: policies with their tests, ready to be applied or copied.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::files::Text;
use super::set::FileSet;
use crate::failure::Failure;
use crate::output::{self, Column, Format};

struct Pack {
    name: &'static str,
    about: &'static str,
    policies: &'static str,
    tests: &'static str,
}

macro_rules! pack {
    ($name:literal, $about:literal) => {
        Pack {
            name: $name,
            about: $about,
            policies: include_str!(concat!(
                "../../../../schemas/packs/",
                $name,
                "/policies.yaml"
            )),
            tests: include_str!(concat!(
                "../../../../schemas/packs/",
                $name,
                "/policies_test.yaml"
            )),
        }
    };
}

const PACKS: &[Pack] = &[
    pack!("owasp-agentic", "OWASP's risks of agentic applications"),
    pack!("pii", "Personal data and secrets"),
    pack!("cost", "What agents may spend"),
    pack!("mcp-safety", "Tools of MCP servers"),
    pack!("eu-ai-act", "Human oversight and records, EU AI Act"),
];

const COLUMNS: &[Column] = &[
    ("PACK", "/name"),
    ("POLICIES", "/policies"),
    ("TESTS", "/tests"),
    ("ABOUT", "/about"),
];

/// `writ policy packs`.
pub(super) fn list(format: Format) -> Result<(), Failure> {
    let rows = PACKS.iter().map(|pack| {
        let set = FileSet::load(&pack.texts());
        let tests: usize = set.suites.iter().map(|it| it.cases.len()).sum();
        json!({
            "name": pack.name,
            "policies": set.entries.len(),
            "tests": tests,
            "about": pack.about,
        })
    });
    output::rows(format, &rows.collect::<Vec<Value>>(), COLUMNS)
}

/// The files of a pack.
pub(super) fn texts(name: &str) -> Result<Vec<Text>, Failure> {
    match PACKS.iter().find(|it| it.name == name) {
        Some(pack) => Ok(pack.texts().into()),
        None => {
            let known: Vec<_> = PACKS.iter().map(|it| it.name).collect();
            Err(Failure::Usage(format!(
                "no pack '{name}'; there are: {}",
                known.join(", ")
            )))
        }
    }
}

impl Pack {
    fn texts(&self) -> [Text; 2] {
        let text = |file: &str, text: &str| Text {
            name: format!("{}/{file}", self.name),
            folder: PathBuf::from(format!("pack:{}", self.name)),
            text: text.to_owned(),
        };
        [
            text("policies.yaml", self.policies),
            text("policies_test.yaml", self.tests),
        ]
    }
}
