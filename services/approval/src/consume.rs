//! Facts in: held decisions and uses from the gate, seals from the ledger, agents and pauses,
//! prompts that wait for an approval, and erasures.

mod erasures;
mod feed;
mod gate;
mod hold;
mod pauses;
mod prompts;
mod seals;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use writ_pg::WriterTx;
use writ_service_kit::Requirement;

use crate::command::Desk;
use crate::error::Error;
use crate::store;

pub(crate) use pauses::Pauses;

/// How often the leader makes sure that it still is.
const PULSE: Duration = Duration::from_secs(1);

/// The loops that one replica runs for all: held decisions, prompts, seals, erasures, the sweep.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) desk: Arc<Desk>,
    pub(crate) sweep_every: Duration,
    /// Met when requests are up to date, or another replica sees to it.
    pub(crate) caught_up: Requirement,
}

impl Leader {
    /// Waits until this replica leads, then runs the loops until one of them fails.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), Error> {
        let writer = &self.desk.pools.writer;
        let standby = || self.caught_up.met();
        let leading = writer.lead_eventually(store::SCHEMA, "lead", standby);
        let leading = leading.await?;
        tokio::try_join!(
            pulse(leading),
            gate::run(&self.desk, &self.caught_up),
            seals::run(&self.desk),
            prompts::run(&self.desk),
            erasures::run(&self.desk),
            sweep::run(&self.desk, self.sweep_every),
        )?;
        Ok(())
    }
}

/// Fails when the connection that holds the lead is gone.
async fn pulse(mut leading: WriterTx) -> Result<(), Error> {
    loop {
        tokio::time::sleep(PULSE).await;
        sqlx::query("select 1").execute(&mut *leading).await?;
    }
}
