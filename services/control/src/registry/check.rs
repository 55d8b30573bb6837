//! The bounds of an agent's fields.

use super::agent::Agent;
use crate::error::Refusal;

const TEXT: usize = 256;
const LONG_TEXT: usize = 4_096;
const LIST: usize = 200;
/// Bytes of all lists together: an agent's fact has to fit into one message of the log.
const LISTS: usize = 128 * 1024;
const METADATA: usize = 64 * 1024;
const AUTONOMY: [&str; 4] = ["observe", "advise", "act_with_approval", "autonomous"];

/// The agent when every field is within its bounds, or all that are not.
pub(super) fn checked(agent: Agent) -> Result<Agent, Refusal> {
    let mut problems = Vec::new();
    let texts = [
        ("agentId", &agent.external_id),
        ("name", &agent.name),
        ("environment", &agent.environment),
        ("type", &agent.agent_type),
        ("platform", &agent.platform),
    ];
    problems.extend(
        texts
            .into_iter()
            .filter_map(|(field, text)| short(field, text)),
    );
    for (field, text) in [
        ("description", &agent.description),
        ("ownerEmail", &agent.owner_email),
    ] {
        if text
            .as_ref()
            .is_some_and(|text| text.chars().count() > LONG_TEXT)
        {
            problems.push(format!("{field}: at most {LONG_TEXT} characters"));
        }
    }
    problems.extend(wrong_lists(&agent));
    if agent.metadata.to_string().len() > METADATA {
        problems.push(format!("metadata: at most {METADATA} bytes"));
    }
    if let Some(level) = &agent.autonomy_level
        && !AUTONOMY.contains(&level.as_str())
    {
        problems.push(format!("autonomyLevel: one of {}", AUTONOMY.join(", ")));
    }
    if problems.is_empty() {
        Ok(agent)
    } else {
        Err(Refusal::Invalid(problems))
    }
}

fn short(field: &str, text: &str) -> Option<String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Some(format!("{field}: must not be empty"))
    } else if length > TEXT {
        Some(format!("{field}: at most {TEXT} characters, not {length}"))
    } else {
        None
    }
}

fn wrong_lists(agent: &Agent) -> Vec<String> {
    let mut problems = Vec::new();
    let lists = [
        ("allowedDataSources", &agent.allowed_data_sources),
        ("allowedActions", &agent.allowed_actions),
        (
            "requiresHumanApprovalFor",
            &agent.requires_human_approval_for,
        ),
        ("tags", &agent.tags),
        ("capabilities", &agent.declared),
    ];
    for (field, list) in lists {
        if list.len() > LIST || list.iter().any(|item| item.chars().count() > TEXT) {
            problems.push(format!(
                "{field}: at most {LIST} items of {TEXT} characters"
            ));
        }
    }
    let items = lists.iter().flat_map(|(_, list)| list.iter());
    if items.map(String::len).sum::<usize>() > LISTS {
        let fields = lists.map(|(field, _)| field).join(", ");
        problems.push(format!("{fields}: together at most {LISTS} bytes"));
    }
    problems
}
