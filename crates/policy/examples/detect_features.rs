//! What the injection detector sees, for `tools/detect/train.py`. Reads JSON lines. For `text` it
//! writes a line with `signals` (0 to 1000) and `windows` (numbers of runs), for `turns`, messages by
//! the user, one with `steps`.

use std::io::{BufRead, BufWriter, Write};

use serde::Deserialize;
use serde_json::json;
use writ_policy::detect::injection;

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Turns { turns: Vec<String> },
    Text { text: String },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let seen = match serde_json::from_str(&line?)? {
            Row::Turns { turns } => json!({"steps": injection::step_features(&turns)}),
            Row::Text { text } => {
                let (windows, signals) = injection::features(&text);
                json!({"signals": signals, "windows": windows})
            }
        };
        writeln!(out, "{seen}")?;
    }
    Ok(out.flush()?)
}
