//! Inserting a batch until it is stored.

use std::ops::Range;
use std::time::Duration;

use clickhouse::error::Error;
use clickhouse::{RowOwned, RowWrite};

use super::Store;
use crate::metrics;

const FIRST_REST: Duration = Duration::from_millis(200);
pub(super) const LONGEST_REST: Duration = Duration::from_secs(5);

/// Error codes of ClickHouse that are about the rows and would come again for ever: unreadable,
/// out of range, wrongly typed, too large, against a constraint. Everything else is about the
/// server or its tables and passes.
const ABOUT_ROWS: [u32; 16] = [
    6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 469, 572,
];

impl Store {
    /// Inserts `rows` and returns once each is stored or has proved to be one the table will never
    /// take: those are returned by index, with the reason. `token` names the batch, so that an
    /// insert whose answer was lost is not done twice.
    pub(crate) async fn write<R>(
        &self,
        table: &str,
        rows: &[R],
        token: &str,
    ) -> Vec<(usize, String)>
    where
        R: RowOwned + RowWrite + Send + Sync,
    {
        let mut poison = Vec::new();
        let mut todo = Vec::from([Range {
            start: 0,
            end: rows.len(),
        }]);
        let mut rest = FIRST_REST;
        while let Some(range) = todo.pop() {
            let Some(part) = rows.get(range.clone()).filter(|part| !part.is_empty()) else {
                continue;
            };
            let token = format!("{token}:{}-{}", range.start, range.end);
            match self.within(self.insert(table, part, &token)).await {
                Ok(()) => {
                    metrics::stalled(table, false);
                    rest = FIRST_REST;
                }
                Err(error) if is_about_rows(&error) => match halves(&range) {
                    Some((first, second)) => todo.extend([second, first]),
                    None => poison.push((range.start, error.to_string())),
                },
                Err(error) => {
                    tracing::warn!(table, %error, "store does not take the batch, waiting");
                    metrics::stalled(table, true);
                    tokio::time::sleep(rest).await;
                    rest = (rest * 2).min(LONGEST_REST);
                    self.recover().await;
                    todo.push(range);
                }
            }
        }
        poison
    }

    async fn insert<R>(&self, table: &str, rows: &[R], token: &str) -> Result<(), Error>
    where
        R: RowOwned + RowWrite + Send + Sync,
    {
        let mut insert = self
            .client
            .insert::<R>(table)
            .await?
            .with_setting("insert_deduplication_token", token)
            .with_setting("async_insert", "0");
        for row in rows {
            insert.write(row).await?;
        }
        insert.end().await
    }

    /// The server may have come back without tables, or with others.
    async fn recover(&self) {
        self.client.clear_cached_metadata().await;
        if let Err(error) = self.prepare().await {
            tracing::debug!(%error, "tables not ready");
        }
    }
}

fn halves(range: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let middle = range.start + range.len() / 2;
    (range.len() > 1).then_some((range.start..middle, middle..range.end))
}

/// A server's exception arrives as text: `Code: 469. DB::Exception: …`.
fn is_about_rows(error: &Error) -> bool {
    let Error::BadResponse(text) = error else {
        return false;
    };
    let code = text.split("Code: ").nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    code.is_some_and(|code| ABOUT_ROWS.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violated_constraint_is_about_rows_and_a_missing_table_is_not() {
        let told = |text: &str| is_about_rows(&Error::BadResponse(text.to_owned()));
        assert!(told(
            "Code: 469. DB::Exception: Constraint `c` is violated at row 2"
        ));
        assert!(!told("Code: 60. DB::Exception: Table does not exist"));
        assert!(!told("Code: 241. DB::Exception: memory limit exceeded"));
        assert!(!told("proxy says no"));
        assert!(!is_about_rows(&Error::TimedOut));
    }

    #[test]
    fn halving_ends_at_one_row() {
        assert_eq!(halves(&(0..5)), Some((0..2, 2..5)));
        assert_eq!(halves(&(3..4)), None);
    }
}
