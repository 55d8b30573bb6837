//! What the injection detector sees in texts, for `tools/detect/train.py`: reads JSON lines with
//! `text`, writes for each a line with `signals` (0 to 1000) and `windows` (numbers of runs).

use std::io::{BufRead, BufWriter, Write};

use serde_json::{Value, json};
use writ_policy::detect::injection;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text = row.get("text").and_then(Value::as_str).ok_or("no text")?;
        let (windows, signals) = injection::features(text);
        writeln!(out, "{}", json!({"signals": signals, "windows": windows}))?;
    }
    Ok(out.flush()?)
}
