use std::sync::LazyLock;

use prost::Message as _;
use uuid::Uuid;
use writ_contract::{Audit, Envelope, EventId, Kind, OrgId, Pause, PauseId, Scope, wire};
use writ_policy::{Facts, Policy, PolicyType, decide_alone};

use super::*;

fn judge(caller: &Caller, ask: &Ask, view: &View<'_>, now_ms: i64) -> Verdict {
    match prepare(caller, ask, view, now_ms) {
        Ok(request) => {
            let decision = decide_alone(view.policies, &request, &Facts::at(now_ms));
            Verdict::judged(Box::new(decision), view.plan, now_ms)
        }
        Err(refusal) => Verdict::Refused(refusal),
    }
}

fn no_delegations() -> &'static Delegations {
    Box::leak(Box::default())
}

fn caller() -> Caller {
    Caller::system(Uuid::from_u128(1))
}

fn agent() -> KnownAgent {
    let agent = AgentRef {
        id: Uuid::from_u128(2),
        external_id: "bot".into(),
        environment: "production".into(),
        tags: vec!["eu".into()],
        ..AgentRef::default()
    };
    KnownAgent {
        agent: Arc::new(agent),
        archived: false,
        paused: None,
        pinned: None,
    }
}

fn shell() -> Policy {
    Policy::new(
        Uuid::from_u128(3),
        "No shell",
        PolicyType::ToolInvocation,
        Mode::Block,
        serde_json::json!({"denied_tools": ["shell.*"]}),
    )
}

fn set() -> PolicySet {
    PolicySet::compile(vec![shell()])
}

fn ask(tool: &str) -> Ask {
    let tools = vec![tool.to_owned()];
    let request = Request {
        input: "x".into(),
        tools,
        ..Request::default()
    };
    Ask {
        agent: "bot".into(),
        request,
        ..Ask::default()
    }
}

/// No pauses beyond agents' switches.
fn nothing() -> &'static Standing {
    static NOTHING: LazyLock<Standing> = LazyLock::new(Standing::default);
    &NOTHING
}

fn spent() -> Plan {
    Plan {
        refuses: true,
        max_traces_per_month: Some(0),
        used: Used::default(),
    }
}

fn code(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Refused(refusal) => refusal.code(),
        Verdict::Granted(_) => "granted",
        Verdict::Judged(_) => "judged",
    }
}

#[test]
fn a_registered_agent_is_judged_by_the_policies() {
    let (set, agent) = (set(), agent());
    let view = View {
        policies: &set,
        agent: Some(&agent),
        standing: nothing(),
        quarantine: None,
        plan: Plan::default(),
        delegations: no_delegations(),
    };
    assert_eq!(
        judge(&caller(), &ask("crm.read"), &view, 0).outcome(),
        Outcome::Allow
    );
    assert_eq!(
        judge(&caller(), &ask("shell.run"), &view, 0).outcome(),
        Outcome::Block
    );
}

#[test]
fn a_policy_selects_an_agent_by_its_tags() {
    let agent = agent();
    let outcome = |tag: &str| {
        let mut policy = shell();
        policy.selectors.tags = vec![tag.to_owned()];
        let view = View {
            policies: &PolicySet::compile(vec![policy]),
            agent: Some(&agent),
            standing: nothing(),
            quarantine: None,
            plan: Plan::default(),
            delegations: no_delegations(),
        };
        judge(&caller(), &ask("shell.run"), &view, 0).outcome()
    };
    assert_eq!(
        (outcome("eu"), outcome("us")),
        (Outcome::Block, Outcome::Allow)
    );
}

#[test]
fn a_paused_agent_is_refused_whatever_it_asks() {
    let set = set();
    let agent = KnownAgent {
        paused: Some("incident".into()),
        archived: true,
        ..agent()
    };
    let view = View {
        policies: &set,
        agent: Some(&agent),
        standing: nothing(),
        quarantine: None,
        plan: Plan::default(),
        delegations: no_delegations(),
    };
    let verdict = judge(&caller(), &ask("crm.read"), &view, 0);
    assert_eq!(code(&verdict), "AGENT_PAUSED");
    let Verdict::Refused(refusal) = verdict else {
        panic!("refused")
    };
    assert_eq!(refusal.violation().policy_type, "kill_switch");
    assert!(refusal.violation().message.contains("incident"));
}

#[test]
fn unknown_and_archived_agents_and_held_organisations_are_refused() {
    let (set, archived) = (
        set(),
        KnownAgent {
            archived: true,
            ..agent()
        },
    );
    let unknown = View {
        policies: &set,
        agent: None,
        standing: nothing(),
        quarantine: None,
        plan: Plan::default(),
        delegations: no_delegations(),
    };
    assert_eq!(
        code(&judge(&caller(), &ask("x"), &unknown, 0)),
        "AGENT_NOT_FOUND"
    );
    let view = View {
        agent: Some(&archived),
        ..unknown.clone()
    };
    assert_eq!(
        code(&judge(&caller(), &ask("x"), &view, 0)),
        "AGENT_ARCHIVED"
    );
    let held = View {
        quarantine: Some("a fact it cannot read"),
        ..unknown
    };
    assert_eq!(
        code(&judge(&caller(), &ask("x"), &held, 0)),
        "ORGANIZATION_HELD"
    );
}

#[test]
fn a_paused_tool_stops_the_acts_that_name_it_and_no_others() {
    let pause = Pause {
        id: PauseId(Uuid::from_u128(7)),
        scope: Scope::Tool,
        value: "crm.write".into(),
        reason: "incident 12".into(),
        since_us: 1,
        expires_at_us: None,
    };
    let mut standing = Standing::default();
    let stated = Envelope {
        event_id: EventId(Uuid::from_u128(8)),
        kind: Kind::of::<wire::Pause>("created"),
        org: OrgId(Uuid::from_u128(1)),
        aggregate_id: pause.id.to_string(),
        version: 1,
        occurred_at_us: 1,
        audit: Audit::default(),
        fact: pause.fact(false).encode_to_vec(),
        traceparent: String::new(),
    };
    standing.apply(&stated).unwrap();
    let (set, agent) = (set(), agent());
    let view = View {
        policies: &set,
        agent: Some(&agent),
        standing: &standing,
        quarantine: None,
        plan: Plan::default(),
        delegations: no_delegations(),
    };
    let judged = |ask: &Ask| code(&judge(&caller(), ask, &view, 0)).to_owned();
    assert_eq!(judged(&ask("crm.write")), "TOOL_PAUSED");
    assert_eq!(judged(&ask("CRM.Write")), "TOOL_PAUSED");
    assert_eq!(judged(&ask("crm.read")), "judged");
    let mut by_input = ask("crm.read");
    by_input.request.input = "tool:crm.write".into();
    assert_eq!(judged(&by_input), "TOOL_PAUSED");
    let refused = judge(&caller(), &ask("crm.write"), &view, 0);
    let Verdict::Refused(refusal) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.violation().policy_type, "kill_switch");
    assert!(refusal.to_string().contains("incident 12"), "{refusal}");
}

#[test]
fn a_spent_plan_allows_nothing_and_stops_no_refusal_that_must_hold() {
    let set = set();
    let view = |agent, quarantine| View {
        policies: &set,
        agent,
        standing: nothing(),
        quarantine,
        plan: spent(),
        delegations: no_delegations(),
    };
    let (bot, paused, archived) = (
        agent(),
        KnownAgent {
            paused: Some("incident".into()),
            ..agent()
        },
        KnownAgent {
            archived: true,
            ..agent()
        },
    );
    let asked = |agent, quarantine| {
        let verdict = judge(&caller(), &ask("crm.write"), &view(agent, quarantine), 0);
        code(&verdict).to_owned()
    };
    let denied = judge(&caller(), &ask("shell.run"), &view(Some(&bot), None), 0);
    assert_eq!(
        (code(&denied), denied.outcome()),
        ("judged", Outcome::Block)
    );
    assert_eq!(asked(Some(&bot), None), "QUOTA_EXCEEDED");
    assert_eq!(asked(None, None), "QUOTA_EXCEEDED");
    assert_eq!(asked(Some(&paused), None), "AGENT_PAUSED");
    assert_eq!(asked(Some(&archived), None), "AGENT_ARCHIVED");
    assert_eq!(asked(Some(&bot), Some("held")), "ORGANIZATION_HELD");
}

#[test]
fn an_act_that_names_no_environment_is_judged_in_the_one_that_is_recorded() {
    let mut production_only = shell();
    production_only.selectors.environments = vec!["production".into()];
    let set = PolicySet::compile(vec![production_only]);
    let mut elsewhere = agent();
    elsewhere.agent = Arc::new(AgentRef {
        environment: "staging".into(),
        ..AgentRef::clone(&elsewhere.agent)
    });
    let view = View {
        policies: &set,
        agent: Some(&elsewhere),
        standing: nothing(),
        quarantine: None,
        plan: Plan::default(),
        delegations: no_delegations(),
    };
    let asked = ask("shell.run");
    assert_eq!(asked.environment(), "production");
    let verdict = judge(&caller(), &asked, &view, 0);
    assert_eq!(verdict.outcome(), Outcome::Block);
}
