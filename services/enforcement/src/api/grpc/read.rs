//! A gRPC request as an act.

use serde_json::{Map, Value};
use tonic::Status;
use writ_chain::action::context_of_request;
use writ_policy::{Delegation, Hop, OnBehalfOf, Phase, Tier, ToolDescriptor, ToolOutput};
use writ_service_kit::json::check_depth;

use super::json::{number, object, storable, value};
use super::v1;
use crate::api::{latest, text_of};
use crate::domain::{Ask, Proof};

/// Levels of nesting metadata may have.
const DEPTH: usize = 64;

pub(super) fn read(mut request: v1::EnforceRequest) -> Result<Ask, Status> {
    let bytes = prost::Message::encoded_len(&request);
    for text in [
        &mut request.agent_id,
        &mut request.input,
        &mut request.environment,
        &mut request.session_id,
    ]
    .into_iter()
    .chain(&mut request.tools)
    {
        *text = storable(std::mem::take(text));
    }
    let context = context(&request)?;
    let (agent, explain) = (std::mem::take(&mut request.agent_id), request.explain);
    let mut request = act(request)?;
    request.read_metadata().map_err(Status::invalid_argument)?;
    Ok(Ask {
        agent,
        request,
        context,
        edge: "grpc",
        bytes,
        explain,
        call: None,
        proof: Proof::None,
        traceparent: String::new(),
    })
}

fn act(request: v1::EnforceRequest) -> Result<writ_policy::Request, Status> {
    let (phase, tier) = (phase(request.phase)?, tier(request.tier)?);
    let history = request.conversation_history.into_iter().map(object);
    let outputs = request.tool_outputs.into_iter().map(|output| ToolOutput {
        name: storable(output.name),
        input: output.input.map(value).unwrap_or_default(),
        output: output.output.map(value).unwrap_or_default(),
    });
    let descriptors = request.tool_descriptors.into_iter().map(descriptor);
    Ok(writ_policy::Request {
        input: request.input,
        environment: request.environment,
        metadata: request.metadata.map(object),
        estimated_cost: request.estimated_cost,
        tools: request.tools,
        conversation_history: latest(history.collect()),
        tool_outputs: outputs.collect(),
        tool_descriptors: descriptors.collect(),
        output: request.output.map(|output| text_of(value(output))),
        phase,
        on_behalf_of: request.on_behalf_of.map(person),
        tier,
        delegation: request.delegation.map(delegation),
        session_id: request.session_id,
        require_approval: request.require_approval,
        ..writ_policy::Request::default()
    })
}

fn phase(word: i32) -> Result<Phase, Status> {
    match v1::Phase::try_from(word) {
        Ok(v1::Phase::Unspecified | v1::Phase::Pre) => Ok(Phase::Pre),
        Ok(v1::Phase::Post) => Ok(Phase::Post),
        Err(_) => Err(Status::invalid_argument(format!("phase: unknown {word}"))),
    }
}

fn tier(word: i32) -> Result<Option<Tier>, Status> {
    match v1::Tier::try_from(word) {
        Ok(v1::Tier::Unspecified) => Ok(None),
        Ok(v1::Tier::Interactive) => Ok(Some(Tier::Interactive)),
        Ok(v1::Tier::Subagent) => Ok(Some(Tier::Subagent)),
        Ok(v1::Tier::Background) => Ok(Some(Tier::Background)),
        Ok(v1::Tier::Api) => Ok(Some(Tier::Api)),
        Err(_) => Err(Status::invalid_argument(format!("tier: unknown {word}"))),
    }
}

fn descriptor(descriptor: v1::ToolDescriptor) -> ToolDescriptor {
    ToolDescriptor {
        server: storable(descriptor.server),
        tool: storable(descriptor.tool),
        descriptor_hash: storable(descriptor.descriptor_hash),
        description: storable(descriptor.description),
        input_schema: descriptor.input_schema.map(value).unwrap_or_default(),
    }
}

/// As the client says: nothing of it is verified.
fn person(person: v1::OnBehalfOf) -> OnBehalfOf {
    OnBehalfOf {
        user_id: storable(person.user_id),
        email: storable(person.email),
        roles: person.roles.into_iter().map(storable).collect(),
        scopes: person.scopes.map(scopes),
        verified: false,
    }
}

/// As the client says: nothing of it is verified.
fn delegation(delegation: v1::Delegation) -> Delegation {
    let chain = delegation.chain.into_iter().map(|hop| Hop {
        agent_id: storable(hop.agent_id),
        scopes: hop.scopes.map(scopes),
    });
    Delegation {
        chain: chain.collect(),
        parent_decision_id: storable(delegation.parent_decision_id),
        scopes: delegation.scopes.map(scopes),
        verified: false,
    }
}

fn scopes(scopes: v1::Scopes) -> Vec<String> {
    scopes.names.into_iter().map(storable).collect()
}

/// The action context a REST client would have sent for the same act.
fn context(request: &v1::EnforceRequest) -> Result<Vec<u8>, Status> {
    let mut fields = Map::new();
    fields.insert("input".into(), request.input.clone().into());
    fields.insert("environment".into(), request.environment.clone().into());
    if let Some(metadata) = &request.metadata {
        fields.insert("metadata".into(), object(metadata.clone()));
    }
    if let Some(cost) = request.estimated_cost {
        fields.insert("estimatedCost".into(), number(cost));
    }
    if !request.tools.is_empty() {
        fields.insert("tools".into(), request.tools.clone().into());
    }
    let text = Value::Object(fields).to_string();
    let invalid = |why: String| Status::invalid_argument(format!("the act {why}"));
    check_depth(text.as_bytes(), DEPTH).map_err(|e| invalid(e.to_string()))?;
    context_of_request(&text).map_err(|e| invalid(e.to_string()))
}

#[cfg(test)]
mod tests {
    use prost_types::value::Kind;
    use prost_types::{ListValue, Struct};

    use super::*;

    fn text(text: &str) -> prost_types::Value {
        let kind = Some(Kind::StringValue(text.to_owned()));
        prost_types::Value { kind }
    }

    #[test]
    fn a_nul_is_replaced_as_in_a_rest_body() {
        let asked = v1::EnforceRequest {
            input: "a\0b".into(),
            tools: vec!["t\0".into()],
            ..v1::EnforceRequest::default()
        };
        let ask = read(asked).unwrap();
        assert_eq!(ask.request.input, "a\u{fffd}b");
        assert_eq!(ask.request.tools, ["t\u{fffd}"]);
    }

    #[test]
    fn who_is_behind_an_act_is_read_and_never_verified() {
        let delegation = v1::Delegation {
            chain: vec![v1::Hop {
                agent_id: "planner".into(),
                scopes: Some(v1::Scopes::default()),
            }],
            ..v1::Delegation::default()
        };
        let asked = v1::EnforceRequest {
            on_behalf_of: Some(v1::OnBehalfOf {
                user_id: "u1".into(),
                ..v1::OnBehalfOf::default()
            }),
            tier: v1::Tier::Subagent.into(),
            phase: v1::Phase::Post.into(),
            delegation: Some(delegation),
            output: Some(text("done")),
            ..v1::EnforceRequest::default()
        };
        let request = read(asked).unwrap().request;
        let person = request.on_behalf_of.unwrap();
        assert_eq!((person.scopes, person.verified), (None, false));
        assert_eq!(
            (request.tier, request.phase),
            (Some(Tier::Subagent), Phase::Post)
        );
        assert_eq!(request.output.as_deref(), Some("done"));
        let hop = &request.delegation.unwrap().chain[0];
        assert_eq!(hop.scopes, Some(Vec::new()));
    }

    #[test]
    fn metadata_says_who_is_behind_an_act_as_in_rest() {
        let list = |values| prost_types::Value {
            kind: Some(Kind::ListValue(ListValue { values })),
        };
        let metadata = |chain| {
            let delegation = Struct {
                fields: [("chain".to_owned(), chain)].into(),
            };
            let delegation = prost_types::Value {
                kind: Some(Kind::StructValue(delegation)),
            };
            let fields = [
                ("tier".to_owned(), text("api")),
                ("delegation".to_owned(), delegation),
            ];
            v1::EnforceRequest {
                metadata: Some(Struct {
                    fields: fields.into(),
                }),
                ..v1::EnforceRequest::default()
            }
        };
        let request = read(metadata(list(vec![text("planner")]))).unwrap().request;
        assert_eq!(request.tier, Some(Tier::Api));
        assert_eq!(request.delegation.unwrap().chain[0].agent_id, "planner");
        let refused = read(metadata(text("planner"))).unwrap_err();
        assert!(refused.message().starts_with("metadata.delegation"));
    }

    #[test]
    fn a_word_of_tomorrow_is_refused() {
        let asked = |tier, phase| v1::EnforceRequest {
            tier,
            phase,
            ..v1::EnforceRequest::default()
        };
        assert!(read(asked(99, 0)).is_err() && read(asked(0, 99)).is_err());
    }
}
