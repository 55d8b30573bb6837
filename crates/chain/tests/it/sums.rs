//! Statements of coverage with numbers at the end of what there is, by both verifiers.

use serde_json::{Value, json};

use super::bundle::Signers;
use super::statements::{Case, coverage, judge, signed_anew};

#[test]
fn numbers_that_are_more_than_there_can_be_do_not_add_up() {
    let by = Signers::new();
    let mut sums = coverage(&by);
    for n in 0..2 {
        sums["statement"]["emitters"][n]["last"] = json!(u64::MAX);
    }
    sums["statement"]["missing"] = json!(u64::MAX);
    let mut times = coverage(&by);
    times["statement"]["from"] = json!(i64::MIN);
    times["statement"]["to"] = json!(i64::MAX);
    let mut nothing = times.clone();
    for field in ["heardSeconds", "silentSeconds", "ungovernedSeconds"] {
        nothing["statement"][field] = json!(0);
    }
    // 2^64 microseconds less one, in seconds that were begun.
    times["statement"]["silentSeconds"] = json!(18_446_744_073_709_u64);
    times["statement"]["heardSeconds"] = json!(1);
    let cases = [("sums", sums), ("times", times), ("no seconds", nothing)];
    let case = |(name, value): (&str, Value)| Case {
        name: name.to_owned(),
        text: signed_anew(value, &by.export).to_string(),
        keys: by.keys(),
        code: Some(2),
    };
    judge(cases.into_iter().map(case).collect());
}
