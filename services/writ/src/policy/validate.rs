//! `writ policy validate`, and what every other command refuses.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::files::{Sources, Text};
use super::junit;
use super::problem::Problem;
use super::set::FileSet;
use crate::failure::{Failure, INVALID};
use crate::output::{self, Format};

/// Reads the files; problems are shown and end the command.
pub(super) fn valid(sources: &Sources) -> Result<FileSet, Failure> {
    let set = FileSet::load(&sources.read()?);
    if set.problems.is_empty() {
        return Ok(set);
    }
    for problem in &set.problems {
        output::note(&problem.to_string())?;
    }
    Err(refused(&set))
}

fn refused(set: &FileSet) -> Failure {
    Failure::Invalid(format!("{}; nothing was done", counted(set)))
}

fn counted(set: &FileSet) -> String {
    match set.problems.len() {
        1 => "1 problem".to_owned(),
        several => format!("{several} problems"),
    }
}

/// Shows every problem, or how much is right.
pub(super) fn run(sources: &Sources, format: Format) -> Result<ExitCode, Failure> {
    let texts = sources.read()?;
    let set = FileSet::load(&texts);
    let cases: usize = set.suites.iter().map(|it| it.cases.len()).sum();
    match format {
        Format::Table => {
            for problem in &set.problems {
                output::check(false, &problem.to_string(), "")?;
            }
            let found = format!(
                "{} files, {} policies, {cases} tests",
                texts.len(),
                set.entries.len()
            );
            match set.problems.len() {
                0 => output::check(true, &found, "")?,
                _ => output::line(&counted(&set))?,
            }
        }
        Format::Json | Format::Jsonl | Format::Yaml => output::data(
            format,
            &json!({
                "valid": set.problems.is_empty(),
                "files": texts.len(),
                "policies": set.entries.len(),
                "tests": cases,
                "problems": set.problems.iter().map(shown).collect::<Vec<_>>(),
            }),
        )?,
        Format::Junit => output::line(&junit::document(&[as_suite(&texts, &set)]))?,
    }
    Ok(match set.problems.len() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(INVALID),
    })
}

fn shown(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
    })
}

/// A file is a case; its problems are why it failed.
fn as_suite(texts: &[Text], set: &FileSet) -> junit::Suite {
    let case = |text: &Text| {
        let mine = set.problems.iter().filter(|it| it.file == text.name);
        let wrong: Vec<&Problem> = mine.collect();
        junit::Case {
            name: text.name.clone(),
            line: wrong.first().map_or(1, |it| it.line),
            wrong: wrong.iter().map(ToString::to_string).collect(),
        }
    };
    junit::Suite {
        name: "writ policy validate".to_owned(),
        file: String::new(),
        cases: texts.iter().map(case).collect(),
    }
}
