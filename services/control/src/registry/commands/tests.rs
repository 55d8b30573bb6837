use super::super::agent::KillApplied;
use super::*;

fn at(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(secs, 0).unwrap()
}

fn register(json: &str) -> Register {
    serde_json::from_str(json).unwrap()
}

fn agent() -> Agent {
    Agent::new(
        Uuid::nil(),
        Some("per_1"),
        &register(r#"{"agentId":"a"}"#),
        at(0),
    )
    .unwrap()
}

#[test]
fn a_bare_registration_gets_the_documented_defaults() {
    let agent = agent();
    assert_eq!(
        (agent.name.as_str(), agent.environment.as_str()),
        ("a", "production")
    );
    assert_eq!(
        (agent.agent_type.as_str(), agent.platform.as_str()),
        ("chatbot", "custom")
    );
    assert_eq!(
        (agent.version, agent.owners.as_slice()),
        (1, &["per_1".to_owned()][..])
    );
}

#[test]
fn registering_again_changes_only_what_it_names_and_never_a_pause() {
    let kill = KillApplied {
        agent_id: Uuid::nil(),
        version: 1,
        paused: true,
        reason: "no".to_owned(),
    };
    let paused = agent().killed(&kill, at(1)).unwrap();
    let same = paused
        .reregistered(&register(r#"{"agentId":"a","name":"a"}"#), true, at(2))
        .unwrap();
    assert_eq!(same, paused, "nothing new, so no new version");
    let command = register(r#"{"agentId":"a","tags":["x"],"description":null,"later":1}"#);
    let tagged = paused.reregistered(&command, true, at(3)).unwrap();
    assert!(tagged.paused);
    assert_eq!((tagged.version, tagged.tags.len()), (paused.version + 1, 1));
}

#[test]
fn who_does_not_own_an_agent_does_not_come_to_own_it_by_registering_it_again() {
    let command = register(r#"{"agentId":"a","ownerEmail":"me@example.com"}"#);
    let same = agent().reregistered(&command, false, at(1)).unwrap();
    assert_eq!(same, agent());
    let own = agent().reregistered(&command, true, at(1)).unwrap();
    assert_eq!(own.owner_email.as_deref(), Some("me@example.com"));
}

#[test]
fn who_does_not_own_an_agent_does_not_loosen_it_by_registering_it_again() {
    let command = register(r#"{"agentId":"a","allowedActions":["*"],"tags":["x"]}"#);
    let mut theirs = agent();
    theirs.owners = vec!["per_1".to_owned()];
    let again = theirs.reregistered(&command, false, at(1)).unwrap();
    assert_eq!((again.allowed_actions.len(), again.tags.len()), (0, 1));
    let own = theirs.reregistered(&command, true, at(1)).unwrap();
    assert_eq!(own.allowed_actions, ["*"]);
    theirs.owners.clear();
    let nobodys = theirs.reregistered(&command, false, at(1)).unwrap();
    assert_eq!(nobodys.allowed_actions, ["*"]);
}

#[test]
fn an_agent_whose_fact_would_not_fit_into_a_message_is_refused() {
    let list = |item: &str| vec![item.to_owned(); 200];
    let command = |item: &str| Register {
        agent_id: Some("a".to_owned()),
        details: Details {
            tags: Some(list(item)),
            allowed_actions: Some(list(item)),
            allowed_data_sources: Some(list(item)),
            ..Details::default()
        },
        ..Register::default()
    };
    let new = |item: &str| Agent::new(Uuid::nil(), None, &command(item), at(0));
    let fits = new(&"x".repeat(200)).unwrap();
    assert!(prost::Message::encoded_len(&fits.fact()) < writ_pg::FACT_BYTES);
    let Err(Refusal::Invalid(problems)) = new(&"😀".repeat(200)) else {
        panic!("it must be refused");
    };
    assert!(problems[0].contains("together"), "{problems:?}");
}

#[test]
fn every_wrong_field_is_named() {
    let long = "x".repeat(300);
    let command = register(&format!(
        r#"{{"agentId":"","name":"{long}","autonomyLevel":"free","tags":["{long}"]}}"#
    ));
    let Err(Refusal::Invalid(problems)) = Agent::new(Uuid::nil(), None, &command, at(0)) else {
        panic!("it must be refused");
    };
    for field in ["agentId", "name", "autonomyLevel", "tags"] {
        assert!(
            problems.iter().any(|p| p.starts_with(field)),
            "{field} in {problems:?}"
        );
    }
}
