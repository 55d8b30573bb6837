//! `writ.v1.ControlService`: what REST does, and the stream of changes.

mod wire;

use axum::Router;
use futures::stream::{self, BoxStream, StreamExt};
use prost::Message;
use serde_json::{Map, Value, json};
use tonic::{Request, Response, Status};
use uuid::Uuid;
use writ_access::Role;
use writ_contract::{PolicyId, Scope};
use writ_service_kit::ApiError;
use writ_service_kit::grpc::{Services, caller};
use writ_service_kit::routes::{Access, Class, Gate, Holder, Once};
use writ_service_kit::trace::traceparent;

use super::State;
use super::extract::{By, ListQuery, cursor};
use super::{agents, pauses, switches};
use crate::channel::{Changes, WATCHED_FOR, Watched, held};
use crate::error::{Error, Refusal};
use crate::registry::{Register, Search};
use crate::write::Actor;
use wire::v1::control_service_server::{ControlService, ControlServiceServer};
use wire::v1::watch_agents_response::Event;
use wire::{policy, receipt, scope, time, v1};

pub(crate) use wire::DESCRIPTORS;

/// Largest request, in bytes.
const REQUEST: usize = 1024 * 1024;

/// The service and its name.
pub(crate) fn services(gate: Gate, state: State) -> (Router, Vec<&'static str>) {
    let guard = Access::Role(Role::Viewer).class(Class::Generous);
    let server = ControlServiceServer::new(Server(state)).max_decoding_message_size(REQUEST);
    Services::new(gate).with(guard, server).build()
}

#[derive(Debug, Clone)]
struct Server(State);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ControlService for Server {
    type WatchAgentsStream = BoxStream<'static, Result<v1::WatchAgentsResponse, Status>>;

    async fn watch_agents(
        &self,
        request: Request<v1::WatchAgentsRequest>,
    ) -> Answer<Self::WatchAgentsStream> {
        let by = by(&request)?;
        let headers = request.metadata().clone().into_headers();
        let holder = Holder::of(request.extensions(), headers)?;
        let Self(state) = self.clone();
        if switches::filling(&state) {
            return Err(ApiError::from(Error::CatchingUp).into());
        }
        let environment = request.into_inner().environment;
        let (cancelled, over) = (
            state.cancel.clone().cancelled_owned(),
            tokio::time::sleep(WATCHED_FOR),
        );
        let org = by.org();
        let events = held(state.channel.watch(org), holder)
            .flat_map(move |watched| stream::iter(told(&state, org, &environment, &watched)));
        let events = events.map(|event| Ok(v1::WatchAgentsResponse { event: Some(event) }));
        let events = events.take_until(cancelled).take_until(over);
        Ok(Response::new(events.boxed()))
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Answer<v1::ListAgentsResponse> {
        let by = by(&request)?;
        let request = request.into_inner();
        let query = page(request.page_size, request.page_token);
        let search = Search {
            text: Some(request.search).filter(|text| !text.is_empty()),
            environment: Some(request.environment).filter(|name| !name.is_empty()),
            archived: false,
            after: query.position()?,
            limit: query.limit(),
        };
        let found = self.0.registry.list(by.org(), &search).await;
        let found = found.map_err(ApiError::from)?;
        let agents = found.agents.iter().filter_map(|agent| {
            let known = (agent.id, agent.version, &agent.fact());
            self.agent(by.org(), known)
        });
        let agents = agents.collect();
        let next = found.next.map(|(rank, id)| cursor(rank, id));
        Ok(Response::new(v1::ListAgentsResponse {
            agents,
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn get_agent(
        &self,
        request: Request<v1::GetAgentRequest>,
    ) -> Answer<v1::GetAgentResponse> {
        let by = by(&request)?;
        let request = request.into_inner();
        let environment = Some(&*request.environment).filter(|name| !name.is_empty());
        let found = switches::find_or_read(&self.0, &by, &request.agent_id, environment).await;
        let found = found.map_err(ApiError::from)?;
        Ok(Response::new(v1::GetAgentResponse {
            agent: Some((&found).into()),
        }))
    }

    async fn register_agent(
        &self,
        request: Request<v1::RegisterAgentRequest>,
    ) -> Answer<v1::RegisterAgentResponse> {
        let by = by(&request)?;
        by.require(Role::Developer)?;
        let command = register(request.into_inner())?;
        let (agent, is_new) = agents::enrol(&self.0, &by, &command).await?;
        let known = (agent.id, agent.version, &agent.fact());
        Ok(Response::new(v1::RegisterAgentResponse {
            agent: self.agent(by.org(), known),
            is_new,
        }))
    }

    async fn pause_agent(
        &self,
        request: Request<v1::PauseAgentRequest>,
    ) -> Answer<v1::PauseAgentResponse> {
        let by = by(&request)?;
        let request = request.into_inner();
        let named = (&*request.agent_id, &*request.environment);
        let (agent, receipt) = self.turn(&by, named, Some(&request.reason)).await?;
        Ok(Response::new(v1::PauseAgentResponse {
            agent: Some(agent),
            receipt: Some(receipt),
        }))
    }

    async fn resume_agent(
        &self,
        request: Request<v1::ResumeAgentRequest>,
    ) -> Answer<v1::ResumeAgentResponse> {
        let by = by(&request)?;
        let request = request.into_inner();
        let named = (&*request.agent_id, &*request.environment);
        let (agent, receipt) = self.turn(&by, named, None).await?;
        Ok(Response::new(v1::ResumeAgentResponse {
            agent: Some(agent),
            receipt: Some(receipt),
        }))
    }

    async fn list_pauses(
        &self,
        request: Request<v1::ListPausesRequest>,
    ) -> Answer<v1::ListPausesResponse> {
        let by = by(&request)?;
        if switches::filling(&self.0) {
            return Err(ApiError::from(Error::CatchingUp).into());
        }
        let (_, standing) = self.0.channel.switches().all(by.org());
        let pauses = standing.iter();
        Ok(Response::new(v1::ListPausesResponse {
            pauses: pauses
                .map(|pause| wire::pause(&self.0, by.org(), pause))
                .collect(),
        }))
    }

    async fn create_pause(
        &self,
        request: Request<v1::CreatePauseRequest>,
    ) -> Answer<v1::CreatePauseResponse> {
        let by = once(by(&request)?, &request, "CreatePause")?;
        by.require(Role::Developer)?;
        let request = request.into_inner();
        let body = pauses::Body {
            scope: scope(request.scope()).map_or("", Scope::as_str).to_owned(),
            value: Some(request.value),
            reason: request.reason,
            expires_at: request.expires_at.map(time).transpose()?,
        };
        let (pause, made) = pauses::make(&self.0, &by, &body).await?;
        Ok(Response::new(v1::CreatePauseResponse {
            pause: Some(wire::pause(&self.0, by.org(), &pause)),
            receipt: made.map(receipt),
        }))
    }

    async fn delete_pause(
        &self,
        request: Request<v1::DeletePauseRequest>,
    ) -> Answer<v1::DeletePauseResponse> {
        let by = by(&request)?;
        by.require(Role::Developer)?;
        let id = request.into_inner().pause_id;
        let (pause, ended) = pauses::lift(&self.0, &by, &id).await?;
        Ok(Response::new(v1::DeletePauseResponse {
            pause: Some(wire::pause(&self.0, by.org(), &pause)),
            receipt: Some(receipt(ended)),
        }))
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Answer<v1::ListPoliciesResponse> {
        let by = by(&request)?;
        let request = request.into_inner();
        let query = page(request.page_size, request.page_token);
        let found = self
            .0
            .policies
            .list(by.org(), query.after_id()?, query.limit())
            .await;
        let found = found.map_err(ApiError::from)?;
        let next = found.next.map(|id| cursor(0, id));
        Ok(Response::new(v1::ListPoliciesResponse {
            policies: found.policies.iter().map(policy).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Answer<v1::GetPolicyResponse> {
        let by = by(&request)?;
        let id = request.into_inner().policy_id.parse::<PolicyId>();
        let id = id.map_err(|_| refused(Refusal::PolicyNotFound))?;
        let found = self.0.policies.get(by.org(), id.0).await;
        let found = found.map_err(ApiError::from)?;
        Ok(Response::new(v1::GetPolicyResponse {
            policy: Some(policy(&found)),
        }))
    }
}

impl Server {
    /// A row as it reads under the pauses that memory has.
    fn agent(
        &self,
        org: Uuid,
        (id, version, row): (Uuid, u64, &writ_contract::wire::Agent),
    ) -> Option<v1::Agent> {
        self.0.channel.observe(org, version, row);
        let switch = self.0.channel.switches().get(org, id);
        switch.as_ref().map(Into::into)
    }

    /// Pauses for a reason, or resumes.
    async fn turn(
        &self,
        by: &By,
        (agent, environment): (&str, &str),
        reason: Option<&str>,
    ) -> Result<(v1::Agent, v1::Receipt), Status> {
        by.require(Role::Developer)?;
        let environment = Some(environment).filter(|name| !name.is_empty());
        let turned = switches::turn(&self.0, by, agent, environment, reason).await;
        let (switch, turned) = turned.map_err(ApiError::from)?;
        Ok(((&switch).into(), receipt(turned)))
    }
}

fn by<T>(request: &Request<T>) -> Result<By, Status> {
    let caller = caller(request)?;
    Ok(By {
        actor: Actor::of(&caller, traceparent(request.metadata().as_ref())),
        caller,
    })
}

/// With the request's `idempotency-key`, if its metadata has one.
fn once<T: Message>(mut by: By, request: &Request<T>, method: &str) -> Result<By, Status> {
    let metadata = request.metadata().clone().into_headers();
    let message = request.get_ref().encode_to_vec();
    by.actor.once = Once::of_call(&metadata, &by.caller, method, &message)?;
    Ok(by)
}

fn refused(refusal: Refusal) -> Status {
    ApiError::from(refusal).into()
}

fn page(size: u32, token: String) -> ListQuery {
    ListQuery {
        cursor: Some(token),
        limit: Some(size).filter(|size| *size > 0),
    }
}

/// What is empty was not said.
fn register(request: v1::RegisterAgentRequest) -> Result<Register, Status> {
    let said = [
        ("agentId", request.agent_id),
        ("name", request.name),
        ("environment", request.environment),
        ("type", request.r#type),
        ("platform", request.platform),
        ("description", request.description),
    ];
    let said = said.into_iter().filter(|(_, text)| !text.is_empty());
    let mut fields: Map<String, Value> = said
        .map(|(name, text)| (name.to_owned(), text.replace('\0', "\u{fffd}").into()))
        .collect();
    if !request.tags.is_empty() {
        fields.insert("tags".to_owned(), json!(request.tags));
    }
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| ApiError::invalid(error.to_string()).into())
}

fn told(state: &State, org: Uuid, environment: &str, watched: &Watched) -> Vec<Event> {
    let wanted = |name: &str| environment.is_empty() || environment == name;
    match watched {
        Watched::Snapshot(all) => {
            let agents = all.agents.iter().filter(|agent| wanted(&agent.environment));
            let pauses = all.pauses.iter();
            vec![Event::Snapshot(v1::watch_agents_response::Snapshot {
                agents: agents.map(Into::into).collect(),
                pauses: pauses.map(|pause| wire::pause(state, org, pause)).collect(),
            })]
        }
        Watched::Changed(changes) => changed(state, changes, wanted),
    }
}

fn changed(state: &State, changes: &Changes, wanted: impl Fn(&str) -> bool) -> Vec<Event> {
    let pause = changes.pause.iter().map(|(pause, ended)| {
        let pause = wire::pause(state, changes.org, pause);
        if *ended {
            Event::PauseEnded(pause)
        } else {
            Event::PauseCreated(pause)
        }
    });
    let agents = changes.agents.iter().map(|change| &change.switch);
    let agents = agents.filter(|agent| wanted(&agent.environment));
    pause
        .chain(agents.map(|agent| Event::Agent(agent.into())))
        .collect()
}
