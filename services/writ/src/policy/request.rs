//! The request of a case: the body of `POST /policies/enforce`.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use writ_policy::Request;

/// Reads a body as the engine's request; an error says what is wrong with it. The agent is who
/// `agentId` names, with an id only if that is one; `agent` may say more about it.
pub(super) fn read(body: &Value) -> Result<Request, String> {
    let mut fields = body.as_object().cloned().ok_or("must be fields")?;
    let name = match fields.remove("agentId") {
        None => String::new(),
        Some(named) => String::deserialize(named).map_err(|error| format!("agentId: {error}"))?,
    };
    let mut unknown = None;
    let mut request: Request = serde_ignored::deserialize(Value::Object(fields), |path| {
        unknown.get_or_insert(path.to_string().replace(".?", ""));
    })
    .map_err(|error: serde_json::Error| error.to_string())?;
    if let Some(field) = unknown {
        return Err(format!("unknown field '{field}'"));
    }
    request.read_metadata()?;
    if !name.is_empty() {
        request.agent.id = Uuid::try_parse(&name).unwrap_or_default();
        request.agent.external_id = name;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_is_who_it_is_called() {
        let request = read(&json!({"agentId": "bot", "agent": {"tags": ["x"]}})).unwrap();
        assert_eq!(request.agent.external_id, "bot");
        assert!(request.agent.id.is_nil());
        assert_eq!(request.agent.tags, ["x"]);
        let id = Uuid::from_u128(5);
        assert_eq!(read(&json!({"agentId": id})).unwrap().agent.id, id);
    }

    #[test]
    fn what_a_request_says_wrong_is_named() {
        for (body, said) in [
            (json!([]), "must be fields"),
            (json!({"inptu": "x"}), "unknown field 'inptu'"),
            (
                json!({"agent": {"naem": "x"}}),
                "unknown field 'agent.naem'",
            ),
            (
                json!({"onBehalfOf": {"verified": true}}),
                "unknown field 'onBehalfOf.verified'",
            ),
            (json!({"tools": "x"}), "expected a sequence"),
            (json!({"agentId": 5}), "agentId: "),
            (
                json!({"metadata": {"onBehalfOf": 5}}),
                "metadata.onBehalfOf",
            ),
        ] {
            let wrong = read(&body).unwrap_err();
            assert!(wrong.contains(said), "{body}: {wrong}");
        }
    }
}
