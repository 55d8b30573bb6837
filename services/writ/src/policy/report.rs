//! `writ policy test`: runs the cases and says what came of them.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::coverage::{self, Covered};
use super::files::Sources;
use super::junit;
use super::set::FileSet;
use super::trial::{Bench, Run, Tried};
use super::validate;
use crate::failure::{Failure, TESTS_FAILED};
use crate::output::{self, Column, Format};

const COLUMNS: &[Column] = &[
    ("POLICY", "/policy"),
    ("HIT", "/hit"),
    ("PASSED", "/passed"),
    ("CONDITIONS", "/conditions"),
    ("UNTESTED", "/untested"),
];

/// Runs all suites; `least` is the coverage below which they count as failed, in percent.
pub(super) fn run(sources: &Sources, least: f64, format: Format) -> Result<ExitCode, Failure> {
    let set = validate::valid(sources)?;
    if set.suites.is_empty() {
        return Err(Failure::Unavailable(
            "no tests in these files: put a …_test.yaml with kind: PolicyTest beside them".into(),
        ));
    }
    let mut bench = Bench::new(&set);
    let runs = bench.run(&set);
    let covered = coverage::of(&mut bench, &runs);
    let percent = coverage::percent(&covered);
    match format {
        Format::Table => table(&set, &runs, &covered)?,
        Format::Json | Format::Jsonl | Format::Yaml => {
            output::data(format, &as_json(&set, &runs, &covered))?;
        }
        Format::Junit => {
            let suites: Vec<_> = runs.iter().map(as_suite).collect();
            output::line(&junit::document(&suites))?;
        }
    }
    if percent < least {
        output::note(&format!("coverage {percent:.1} % is below {least} %"))?;
    }
    let good = percent >= least && runs.iter().all(|it| failed(it) == 0);
    Ok(match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(TESTS_FAILED),
    })
}

fn failed(run: &Run<'_>) -> usize {
    run.tried.iter().filter(|it| !it.wrong.is_empty()).count()
}

fn table(set: &FileSet, runs: &[Run<'_>], covered: &[Covered]) -> Result<(), Failure> {
    for run in runs {
        let (total, failed) = (run.tried.len(), failed(run));
        let what = format!("{}: {} of {total} passed", run.suite.file, total - failed);
        output::check(failed == 0, &what, "")?;
        for tried in run.tried.iter().filter(|it| !it.wrong.is_empty()) {
            let line = tried.case.line;
            output::text(&format!("  {}:{line}: {}", run.suite.file, tried.case.name))?;
            for why in &tried.wrong {
                output::text(&format!("    {why}"))?;
            }
        }
    }
    output::line("")?;
    let rows: Vec<Value> = covered.iter().map(|it| row(set, it)).collect();
    output::rows(Format::Table, &rows, COLUMNS)?;
    let total: usize = runs.iter().map(|it| it.tried.len()).sum();
    let failed: usize = runs.iter().map(failed).sum();
    output::line("")?;
    output::line(&format!(
        "{total} tests, {failed} failed; coverage {:.1} %",
        coverage::percent(covered)
    ))
}

fn row(set: &FileSet, covered: &Covered) -> Value {
    let conditions = &covered.conditions;
    let tested = conditions.iter().filter(|(_, covered)| *covered).count();
    json!({
        "policy": name(set, covered),
        "hit": covered.hit,
        "passed": covered.passed,
        "conditions": format!("{tested}/{}", conditions.len()),
        "untested": covered.untested(),
    })
}

fn name<'a>(set: &'a FileSet, covered: &Covered) -> &'a str {
    let entry = set.entries.get(covered.policy);
    entry.map_or("", |it| it.policy.name.as_str())
}

fn as_json(set: &FileSet, runs: &[Run<'_>], covered: &[Covered]) -> Value {
    let case = |tried: &Tried<'_>| {
        json!({
            "name": tried.case.name,
            "line": tried.case.line,
            "passed": tried.wrong.is_empty(),
            "problems": tried.wrong,
        })
    };
    let suite = |run: &Run<'_>| {
        json!({
            "name": run.suite.name,
            "file": run.suite.file,
            "tests": run.tried.len(),
            "failures": failed(run),
            "cases": run.tried.iter().map(case).collect::<Vec<_>>(),
        })
    };
    let policy = |covered: &Covered| {
        let (points, of) = covered.points();
        json!({
            "policy": name(set, covered),
            "hit": covered.hit,
            "passed": covered.passed,
            "covered": points,
            "points": of,
            "untested": covered.untested(),
        })
    };
    let percent = (coverage::percent(covered) * 10.0).round() / 10.0;
    json!({
        "tests": runs.iter().map(|it| it.tried.len()).sum::<usize>(),
        "failures": runs.iter().map(failed).sum::<usize>(),
        "suites": runs.iter().map(suite).collect::<Vec<_>>(),
        "coverage": {
            "percent": percent,
            "policies": covered.iter().map(policy).collect::<Vec<_>>(),
        },
    })
}

fn as_suite(run: &Run<'_>) -> junit::Suite {
    let case = |tried: &Tried<'_>| junit::Case {
        name: tried.case.name.clone(),
        line: tried.case.line,
        wrong: tried.wrong.clone(),
    };
    junit::Suite {
        name: run.suite.name.clone(),
        file: run.suite.file.clone(),
        cases: run.tried.iter().map(case).collect(),
    }
}
