//! gRPC: the same way in as REST.

use std::pin::Pin;

use futures::stream::unfold;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::time::timeout_at;
use tonic::{Request, Response, Status, Streaming};
use writ_service_kit::grpc::Deadline;
use writ_service_kit::{ApiError, grpc};

use super::Api;
use super::status::Failure;
use crate::intake::{Source, Taken};
use crate::wire::{
    IngestTracesRequest, IngestTracesResponse, RefusedTrace, StreamTracesRequest,
    StreamTracesResponse, TraceService,
};

/// Messages of one stream that are worked on at a time; the next is read when one is done.
const IN_FLIGHT: usize = 8;

type Acks = Pin<Box<dyn Stream<Item = Result<StreamTracesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl TraceService for Api {
    type StreamTracesStream = Acks;

    async fn ingest_traces(
        &self,
        request: Request<IngestTracesRequest>,
    ) -> Result<Response<IngestTracesResponse>, Status> {
        let source = source(&request)?;
        let taken = self.take(&source, request.get_ref()).await?;
        Ok(Response::new(IngestTracesResponse {
            accepted: taken.accepted as u64,
            refused: refused(&taken),
        }))
    }

    async fn stream_traces(
        &self,
        request: Request<Streaming<StreamTracesRequest>>,
    ) -> Result<Response<Acks>, Status> {
        let source = source(&request)?;
        let deadline = request.extensions().get::<Deadline>().copied();
        let api = self.clone();
        let answer = move |message: Result<StreamTracesRequest, Status>| {
            let (api, source) = (api.clone(), source.clone());
            async move { api.answer(&source, message?).await }.boxed()
        };
        let acks = request.into_inner().map(answer).buffered(IN_FLIGHT);
        let acks: Acks = match deadline {
            Some(deadline) => Box::pin(until(deadline, acks)),
            None => Box::pin(acks),
        };
        Ok(Response::new(acks))
    }
}

impl Api {
    async fn take(&self, source: &Source, request: &IngestTracesRequest) -> Result<Taken, Status> {
        let taken = self.intake.take(source, request.to_json().as_bytes()).await;
        taken.map_err(|error| ApiError::from(Failure(error)).into())
    }

    /// An error ends the stream: nothing of this message is known to be stored.
    async fn answer(
        &self,
        source: &Source,
        message: StreamTracesRequest,
    ) -> Result<StreamTracesResponse, Status> {
        let StreamTracesRequest { number, traces } = message;
        let taken = self.take(source, &IngestTracesRequest { traces }).await?;
        Ok(StreamTracesResponse {
            number,
            accepted: taken.accepted as u64,
            refused: refused(&taken),
        })
    }
}

/// The answers until the caller stops waiting, and then that it did.
fn until(
    Deadline(at): Deadline,
    acks: impl Stream<Item = Result<StreamTracesResponse, Status>> + Send + Unpin,
) -> impl Stream<Item = Result<StreamTracesResponse, Status>> + Send {
    unfold(Some(acks), move |acks| async move {
        let mut acks = acks?;
        match timeout_at(at, acks.next()).await {
            Ok(Some(ack)) => Some((ack, Some(acks))),
            Ok(None) => None,
            Err(_) => Some((
                Err(Status::deadline_exceeded("the deadline has passed")),
                None,
            )),
        }
    })
}

fn source<T>(request: &Request<T>) -> Result<Source, Status> {
    let caller = grpc::caller(request)?;
    Ok(Source::of(caller, "grpc"))
}

fn refused(taken: &Taken) -> Vec<RefusedTrace> {
    let one = |refused: &crate::domain::Refused| RefusedTrace {
        trace_id: refused.trace_id.clone().unwrap_or_default(),
        index: u32::try_from(refused.index).unwrap_or(u32::MAX),
        code: refused.refusal.code().to_owned(),
        message: refused.refusal.to_string(),
    };
    taken.refused.iter().map(one).collect()
}
