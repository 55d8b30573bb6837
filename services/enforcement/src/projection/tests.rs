use writ_contract::{Audit, EventId, Fact, Kind};

use super::*;

const ORG: OrgId = OrgId(Uuid::from_u128(1));
const AGENT: AgentId = AgentId(Uuid::from_u128(2));

fn envelope<F: Fact>(version: u64, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(9)),
        kind: Kind::of::<F>("stated"),
        org: ORG,
        aggregate_id: String::new(),
        version,
        occurred_at_us: 0,
        audit: Audit::default(),
        fact: fact.encode_to_vec(),
        traceparent: String::new(),
    }
}

fn agent(kill_version: u64, paused: bool) -> wire::Agent {
    wire::Agent {
        agent_id: AGENT.to_bytes(),
        external_id: "bot".into(),
        environment: "production".into(),
        kill_version,
        paused,
        ..wire::Agent::default()
    }
}

fn kill(paused: bool) -> wire::Kill {
    let agent_id = AGENT.to_bytes();
    wire::Kill {
        agent_id,
        paused,
        reason: "incident".into(),
        ..wire::Kill::default()
    }
}

fn paused(state: &ActivePolicy) -> bool {
    state
        .snapshot(ORG, "bot", "production")
        .agent
        .is_some_and(|a| a.paused.is_some())
}

#[test]
fn a_kill_holds_whether_the_agent_is_heard_of_before_or_after() {
    let state = ActivePolicy::default();
    state.apply_kill(&envelope(1, &kill(true))).unwrap();
    state.apply(&envelope(1, &agent(0, false))).unwrap();
    assert!(paused(&state));
}

fn pause(scope: &str, value: &str, ended: bool) -> wire::Pause {
    wire::Pause {
        pause_id: vec![4; 16],
        scope: scope.into(),
        value: value.into(),
        reason: "drill".into(),
        ended,
        ..wire::Pause::default()
    }
}

#[test]
fn a_wider_pause_holds_until_it_ends_and_the_agents_own_switch_is_another() {
    let state = ActivePolicy::default();
    let mut tagged = agent(1, true);
    tagged.tags = vec!["eu".into()];
    state.apply(&envelope(1, &tagged)).unwrap();
    state
        .apply_kill(&envelope(1, &pause("tag", "eu", false)))
        .unwrap();
    state.apply_kill(&envelope(2, &kill(false))).unwrap();
    assert!(paused(&state), "resuming lifts only its own");
    // Control repeats what the gate said.
    state
        .apply(&envelope(2, &pause("tag", "eu", true)))
        .unwrap();
    assert!(!paused(&state));
    state
        .apply(&envelope(1, &pause("tag", "eu", false)))
        .unwrap();
    assert!(!paused(&state), "an older fact changes nothing");
}

#[test]
fn a_wider_pause_reaches_agents_that_need_not_register() {
    let state = ActivePolicy::default();
    let open = wire::Organization {
        registration_required: false,
        ..wire::Organization::default()
    };
    state.apply(&envelope(1, &open)).unwrap();
    let whole = pause("organization", "", false);
    state.apply_kill(&envelope(1, &whole)).unwrap();
    let stranger = state.snapshot(ORG, "stranger", "production").agent.unwrap();
    assert!(stranger.paused.unwrap().contains("drill"));
}

#[test]
fn a_pause_of_a_scope_nobody_here_knows_holds_the_organisation() {
    let state = ActivePolicy::default();
    let unknown = pause("planet", "x", false);
    assert!(state.apply_kill(&envelope(1, &unknown)).is_err());
    let held = state.snapshot(ORG, "bot", "production").quarantine;
    assert!(held.is_some());
}

#[test]
fn where_levels_of_autonomy_do_not_govern_an_agent_has_none() {
    let state = ActivePolicy::default();
    let bot = wire::Agent {
        autonomy_level: "observe".into(),
        ..agent(0, false)
    };
    state.apply(&envelope(1, &bot)).unwrap();
    let level = || {
        let known = state.snapshot(ORG, "bot", "production").agent.unwrap();
        known.agent.limits.autonomy_level.clone()
    };
    assert_eq!(level(), "observe", "an organisation nothing was said of");
    for (version, tiered, expected) in [
        (1, Some(false), ""),
        (2, None, "observe"),
        (3, Some(false), ""),
        (4, Some(true), "observe"),
    ] {
        let org = wire::Organization {
            tiered_governance: tiered,
            ..wire::Organization::default()
        };
        state.apply(&envelope(version, &org)).unwrap();
        assert_eq!(level(), expected, "{tiered:?}");
    }
}

#[test]
fn an_older_kill_that_arrives_late_changes_nothing() {
    let state = ActivePolicy::default();
    state.apply(&envelope(1, &agent(0, false))).unwrap();
    state.apply_kill(&envelope(2, &kill(false))).unwrap();
    state.apply_kill(&envelope(1, &kill(true))).unwrap();
    assert!(!paused(&state));
}

#[test]
fn an_agent_fact_from_before_the_pause_does_not_lift_it() {
    let state = ActivePolicy::default();
    state.apply_kill(&envelope(3, &kill(true))).unwrap();
    state.apply(&envelope(1, &agent(2, false))).unwrap();
    assert!(paused(&state));
    state.apply(&envelope(2, &agent(4, false))).unwrap();
    assert!(!paused(&state));
}

#[test]
fn an_agent_is_found_by_uuid_and_by_external_id_in_its_environment() {
    let state = ActivePolicy::default();
    state.apply(&envelope(1, &agent(0, false))).unwrap();
    let found = |reference: &str, env| state.snapshot(ORG, reference, env).agent.is_some();
    assert!(found("bot", "production") && found(&AGENT.to_string(), "staging"));
    assert!(!found("bot", "staging"));
    assert!(
        state
            .snapshot(OrgId(Uuid::from_u128(7)), "bot", "production")
            .agent
            .is_none()
    );
}

#[test]
fn a_fact_that_cannot_be_read_holds_the_organisation() {
    let state = ActivePolicy::default();
    let mut newer = envelope(1, &wire::Policy::default());
    newer.kind = "policy.updated.v2".parse().unwrap();
    assert!(state.apply(&newer).is_err());
    assert!(
        state
            .snapshot(ORG, "bot", "production")
            .quarantine
            .is_some()
    );
}

#[test]
fn policies_are_in_force_once_compiled_and_an_old_version_is_passed_over() {
    let state = ActivePolicy::default();
    let policy = |active: bool| wire::Policy {
        policy_id: vec![5; 16],
        name: "p".into(),
        policy_type: "tool_invocation".into(),
        enforcement_mode: "block".into(),
        rule_definition: r#"{"denied_tools":["x"]}"#.into(),
        severity: "low".into(),
        is_active: active,
        ..wire::Policy::default()
    };
    let count = || state.snapshot(ORG, "bot", "production").policies.len();
    state.apply(&envelope(2, &policy(true))).unwrap();
    assert_eq!(count(), 0);
    state.compile();
    assert_eq!(count(), 1);
    state.apply(&envelope(1, &policy(false))).unwrap();
    state.compile();
    assert_eq!(count(), 1);
    state.apply(&envelope(3, &policy(false))).unwrap();
    state.compile();
    assert_eq!(count(), 0);
}

#[test]
fn an_older_fact_of_the_organisation_does_not_lift_its_suspension() {
    let state = ActivePolicy::default();
    let org = |suspended| wire::Organization {
        suspended,
        ..wire::Organization::default()
    };
    state.apply(&envelope(2, &org(true))).unwrap();
    state.apply(&envelope(1, &org(false))).unwrap();
    assert!(
        state
            .snapshot(ORG, "bot", "production")
            .quarantine
            .is_some()
    );
    state.apply(&envelope(3, &org(false))).unwrap();
    assert!(
        state
            .snapshot(ORG, "bot", "production")
            .quarantine
            .is_none()
    );
}

#[test]
fn a_raised_limit_and_a_changed_setting_lift_a_spent_plan() {
    let state = ActivePolicy::default();
    let org = |on_plan_limit: &str, max| wire::Organization {
        on_plan_limit: on_plan_limit.into(),
        max_traces_per_month: max,
        ..wire::Organization::default()
    };
    let quota = wire::Quota {
        resource: TRACES.into(),
        month_start_us: 0,
        month_end_us: 10_000,
        used: 7,
    };
    let spent = || state.snapshot(ORG, "bot", "production").plan.spent(5);
    state.apply_quota(&envelope(1, &quota)).unwrap();
    assert_eq!(spent(), None);
    state.apply(&envelope(1, &org("refuse", Some(7)))).unwrap();
    assert!(spent().is_some());
    state.apply(&envelope(2, &org("refuse", Some(8)))).unwrap();
    assert_eq!(spent(), None);
    state.apply(&envelope(3, &org("govern", Some(7)))).unwrap();
    assert_eq!(spent(), None);
}
