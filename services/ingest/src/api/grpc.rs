//! gRPC: the same way in as REST.

use tonic::{Request, Response, Status};
use writ_contract::OrgId;
use writ_service_kit::{ApiError, grpc};

use super::Api;
use super::status::Failure;
use crate::intake::Source;
use crate::wire::{IngestTracesRequest, IngestTracesResponse, RefusedTrace, TraceService};

#[tonic::async_trait]
impl TraceService for Api {
    async fn ingest_traces(
        &self,
        request: Request<IngestTracesRequest>,
    ) -> Result<Response<IngestTracesResponse>, Status> {
        let caller = grpc::caller(&request)?;
        let source = Source {
            org: OrgId(caller.org_id()),
            origin: "grpc",
            caller: Some(caller),
        };
        let body = request.get_ref().to_json();
        let taken = self.intake.take(&source, body.as_bytes()).await;
        let taken = taken.map_err(|error| ApiError::from(Failure(error)))?;
        let refused = taken.refused.iter().map(|refused| RefusedTrace {
            trace_id: refused.trace_id.clone().unwrap_or_default(),
            index: u32::try_from(refused.index).unwrap_or(u32::MAX),
            code: refused.refusal.code().to_owned(),
            message: refused.refusal.to_string(),
        });
        Ok(Response::new(IngestTracesResponse {
            accepted: taken.accepted as u64,
            refused: refused.collect(),
        }))
    }
}
