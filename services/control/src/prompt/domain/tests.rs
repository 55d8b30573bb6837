use serde_json::json;

use super::*;

fn prompt() -> Prompt {
    Prompt {
        id: Uuid::nil(),
        agent_id: Uuid::nil(),
        number: 1,
        content: Content::default(),
        environments: Vec::new(),
        was_in: Vec::new(),
        status: Status::NotRequired,
        pending: None,
        last: None,
        actor: String::new(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn waiting(environment: &str) -> Pending {
    Pending {
        approval_id: ApprovalId(Uuid::nil()),
        environment: environment.to_owned(),
        key: Uuid::nil(),
        person: None,
        requested_at: DateTime::UNIX_EPOCH,
        is_rollback: false,
        notes: None,
    }
}

fn put(environment: &str) -> Deployment {
    Deployment {
        environment: environment.to_owned(),
        is_rollback: false,
        notes: None,
        at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn a_deployment_settles_what_waited_for_the_same_environment_only() {
    let now = DateTime::UNIX_EPOCH;
    let asked = prompt().asked(waiting("production"), now);
    let elsewhere = asked.deployed(put("staging"), Status::NotRequired);
    assert_eq!(
        (elsewhere.status, elsewhere.pending.is_some()),
        (Status::Pending, true)
    );
    assert_eq!(elsewhere.no_longer_awaits(&asked), None);
    let there = elsewhere.deployed(put("production"), Status::Approved);
    let settled = there.no_longer_awaits(&elsewhere);
    assert_eq!(settled, Some(ApprovalId(Uuid::nil())));
    assert_eq!((there.status, there.pending), (Status::Approved, None));
    assert_eq!(there.environments, ["production", "staging"]);
}

#[test]
fn a_version_is_known_where_it_was_deployed_and_nowhere_else() {
    let now = DateTime::UNIX_EPOCH;
    let there = prompt().deployed(put("staging"), Status::NotRequired);
    let gone = there.withdrawn("staging", now);
    assert!(!gone.is_deployed());
    for version in [there, gone] {
        assert!(version.is_known_in("staging") && !version.is_known_in("production"));
    }
}

#[test]
fn an_agent_has_no_more_versions_than_one_answer_lists() {
    assert_eq!(number_after(VERSIONS - 1), Ok(VERSIONS));
    let refused = number_after(VERSIONS).unwrap_err().to_string();
    assert!(refused.contains("100000 versions"), "{refused}");
}

#[test]
fn every_wrong_field_is_named_and_the_fact_says_nothing_of_the_prompt() {
    let body = json!({"agentId": "a", "promptTemplate": "", "modelName": "m".repeat(300)});
    let create: Create = serde_json::from_value(body).unwrap();
    let refused = create.checked().unwrap_err().to_string();
    assert!(
        refused.contains("promptTemplate:") && refused.contains("modelName:"),
        "{refused}"
    );
    let mut last = put("production");
    last.notes = Some("more sauce".to_owned());
    let mut secret = prompt().deployed(last, Status::NotRequired);
    secret.content.prompt_template = "the secret sauce".to_owned();
    assert!(!format!("{:?}", secret.fact("bot", None)).contains("sauce"));
}
