//! Outside NATS publishers: they request `writ.in.trace.<org>` and are answered once their traces
//! are on the log, in the shape of a JetStream publish acknowledgement, so that the plain publish of
//! any client works. Nothing they send goes to a stream directly.

mod read;
mod reply;
mod tally;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use futures::StreamExt as _;
use writ_contract::{OrgId, Stream};
use writ_eventlog::EventLog;
use writ_service_kit::Tasks;
use writ_service_kit::tasks::Backoff;

use crate::consume::Registrar;
use crate::error::Error;
use crate::intake::{Intake, Source, Taken};

pub(crate) use tally::{Sent, Tally};

/// Replicas share the requests of an organisation.
const GROUP: &str = "ingest";
/// Requests of one organisation that are worked on at a time.
const AT_ONCE: usize = 64;
const ANSWER: Duration = Duration::from_secs(2);

/// Answers publishers.
#[derive(Debug)]
pub(crate) struct Desk {
    log: EventLog,
    intake: Arc<Intake>,
    tally: Arc<Tally>,
    stream: String,
    most: usize,
}

/// Serves every organisation, new ones as they come.
pub(crate) async fn serve_all(desk: Arc<Desk>, registrar: &Registrar, tasks: &Tasks) {
    let mut served = HashSet::new();
    let mut orgs = registrar.watch_orgs();
    loop {
        orgs.mark_unchanged();
        for (org, _) in registrar.orgs() {
            if served.insert(org) {
                let desk = desk.clone();
                tasks.supervise(
                    "publishers of an organisation",
                    Backoff::default(),
                    move || {
                        let desk = desk.clone();
                        async move { desk.serve(org).await }
                    },
                );
            }
        }
        if !matches!(
            tasks.cancel().run_until_cancelled(orgs.changed()).await,
            Some(Ok(()))
        ) {
            return;
        }
    }
}

impl Desk {
    pub(crate) fn new(log: EventLog, intake: Arc<Intake>, tally: Arc<Tally>, most: usize) -> Self {
        let stream = log.topology().stream_name(Stream::InTrace);
        Self {
            log,
            intake,
            tally,
            stream,
            most,
        }
    }

    async fn serve(&self, org: OrgId) -> Result<(), async_nats::SubscribeError> {
        let subject = self.log.topology().trace_request(org);
        let group = GROUP.to_owned();
        let requests = self.log.client().queue_subscribe(subject, group).await?;
        requests
            .for_each_concurrent(AT_ONCE, |request| self.answer(org, request))
            .await;
        Ok(())
    }

    async fn answer(&self, org: OrgId, request: Message) {
        let taken = self.take(org, &request).await;
        self.tally
            .note(org, request.reply.is_some(), taken.as_ref().ok());
        let Some(to) = request.reply else { return };
        let answer = match taken {
            Ok(taken) => reply::taken(&self.stream, &taken),
            Err(error) => reply::failed(&self.stream, &error),
        };
        let sent = self.log.client().publish(to, answer.to_string().into());
        if !matches!(tokio::time::timeout(ANSWER, sent).await, Ok(Ok(()))) {
            tracing::debug!(%org, "answer to a publisher not sent");
        }
    }

    async fn take(&self, org: OrgId, request: &Message) -> Result<Taken, Error> {
        if request.payload.len() > self.most {
            return Err(Error::TooLarge(self.most));
        }
        let source = Source {
            org,
            origin: "nats",
            caller: None,
            traceparent: String::new(),
        };
        let body = read::json(request.headers.as_ref(), &request.payload)?;
        self.intake.take(&source, &body).await
    }
}
