//! `writ detect`: the detectors that policies use, over a file of texts, offline.

mod texts;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use writ_policy::detect::injection::{self, BLOCK, FLAG, Score};
use writ_policy::detect::pii;

use crate::failure::Failure;
use texts::{Content, Row};

const HELP: &str = "\
Input: one JSON object a line, {\"id\", \"text\"} or {\"id\", \"turns\": [...]}. A turn is a string or
{\"role\", \"content\"}. Optional: \"origin\" (user, tool, document), \"context\" (what the application told
its model; not searched). Other fields are ignored.

Output: one object a line, in the same order.
  injection  {\"id\", \"score\" (0 to 1, a rank), \"block\", \"flag\", \"reasons\"}; reasons are signals and,
             of a flagged text, the places whose wording weighs most
  pii        {\"id\", \"spans\": [{\"type\", \"start\", \"end\"}]} in Unicode code points, end exclusive; with
             turns, each span also has \"turn\", counted from 0

A line that cannot be read ends the command with code 64 and is named by its number; what stands
before it was written.";

#[derive(Subcommand)]
pub(crate) enum DetectCommand {
    /// Prompt injection: a score for each text, and whether it is to be flagged or blocked
    #[command(after_help = HELP)]
    Injection(Files),
    /// Personal data and secrets, as exact spans
    #[command(after_help = HELP)]
    Pii(Files),
}

#[derive(Args)]
pub(crate) struct Files {
    /// JSON lines to read; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// JSON lines to write; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(crate) fn run(command: &DetectCommand) -> Result<(), Failure> {
    match command {
        DetectCommand::Injection(files) => files.each(injection),
        DetectCommand::Pii(files) => files.each(personal_data),
    }
}

impl Files {
    fn each(&self, find: fn(&Row) -> Value) -> Result<(), Failure> {
        let cannot = |what: &str, path: &Path, error: io::Error| {
            Failure::Unavailable(format!("cannot {what} {}: {error}", path.display()))
        };
        let input: Box<dyn BufRead> = if self.input == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(&self.input);
            let file = file.map_err(|error| cannot("read", &self.input, error))?;
            Box::new(BufReader::new(file))
        };
        if self.out == Path::new("-") {
            return each_line(input, io::stdout().lock(), find);
        }
        let out = File::create(&self.out);
        let out = out.map_err(|error| cannot("write", &self.out, error))?;
        each_line(input, out, find)
    }
}

fn each_line(input: impl BufRead, out: impl Write, find: fn(&Row) -> Value) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    for (number, line) in (1..).zip(input.split(b'\n')) {
        let line = line.map_err(|error| {
            Failure::Unavailable(format!("cannot read the input: line {number}: {error}"))
        })?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match Row::read(&line) {
            Ok(row) => writeln!(out, "{}", find(&row))?,
            Err(why) => {
                out.flush()?;
                return Err(Failure::Usage(format!("line {number}: {why}")));
            }
        }
    }
    Ok(out.flush()?)
}

fn injection(row: &Row) -> Value {
    let score = match &row.content {
        Content::Text(text) => injection::scan(text, row.origin),
        Content::Turns(turns) => injection::scan_conversation(turns),
    };
    let Score { permille, signals } = score;
    let mut reasons: Vec<String> = signals.into_iter().map(str::to_owned).collect();
    if let (FLAG.., Content::Text(text)) = (permille, &row.content) {
        let places = injection::heaviest_places(text);
        reasons.extend(places.iter().map(|place| format!("wording: {place}")));
    }
    json!({
        "id": row.id,
        "score": f64::from(permille) / 1000.0,
        "block": permille >= BLOCK,
        "flag": permille >= FLAG,
        "reasons": reasons,
    })
}

fn personal_data(row: &Row) -> Value {
    let mut spans = Vec::new();
    match &row.content {
        Content::Text(text) => {
            spans_of(text, |kind, start, end| {
                spans.push(json!({"type": kind, "start": start, "end": end}));
            });
        }
        Content::Turns(turns) => {
            for (turn, said) in turns.iter().enumerate() {
                spans_of(&said.text, |kind, start, end| {
                    spans.push(json!({"turn": turn, "type": kind, "start": start, "end": end}));
                });
            }
        }
    }
    json!({"id": row.id, "spans": spans})
}

/// The spans of one text, byte places counted as code points.
fn spans_of(text: &str, mut found: impl FnMut(&'static str, usize, usize)) {
    let mut chars = 0;
    let mut bytes = 0;
    let mut count = |to: usize| {
        chars += text.get(bytes..to).map_or(0, |part| part.chars().count());
        bytes = to;
        chars
    };
    for value in pii::find(text) {
        found(
            value.kind.as_str(),
            count(value.span.start),
            count(value.span.end),
        );
    }
}
