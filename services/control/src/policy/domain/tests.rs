use super::*;

fn at(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(secs, 0).unwrap()
}

fn body(json: &str) -> Body {
    serde_json::from_str(json).unwrap()
}

fn create(json: &str) -> Result<Policy, Refusal> {
    Policy::new(Uuid::nil(), &body(json), &Targets::default(), at(0))
}

const INJECTION: &str = r#"{"name":"No injections","policyType":"injection_scan",
    "enforcementMode":"block","ruleDefinition":{"patterns":["system prompt"]}}"#;

#[test]
fn a_policy_of_the_documents_is_accepted_with_its_defaults() {
    let policy = create(INJECTION).unwrap();
    assert_eq!((policy.version, policy.is_active), (1, true));
    assert_eq!(policy.fact().enforcement_mode, "block");
}

#[test]
fn every_wrong_field_is_named() {
    let Err(Refusal::Invalid(problems)) = create(
        r#"{"policyType":"injection_scan","enforcementMode":"shout","severity":"huge",
            "appliesToAgents":["x"],"ruleDefinition":{"paterns":[]}}"#,
    ) else {
        panic!("it must be refused");
    };
    for field in [
        "name",
        "enforcementMode",
        "severity",
        "appliesToAgents",
        "ruleDefinition",
    ] {
        assert!(
            problems.iter().any(|p| p.starts_with(field)),
            "{field} in {problems:?}"
        );
    }
    assert!(
        problems.iter().any(|p| p.contains("paterns")),
        "{problems:?}"
    );
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    let error = serde_json::from_str::<Body>(r#"{"nmae":"x"}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `nmae`"));
}

#[test]
fn a_patch_that_changes_nothing_makes_no_version() {
    let policy = create(INJECTION).unwrap();
    let same = policy.patched(&body(r#"{"isActive":true}"#), &Targets::default(), at(1));
    assert_eq!(same.unwrap().version, 1);
    let off = policy.patched(&body(r#"{"isActive":false}"#), &Targets::default(), at(1));
    assert_eq!(off.unwrap().version, 2);
}

#[test]
fn selectors_chains_and_notes_are_read_and_their_problems_named() {
    let with = |more: &str| create(&INJECTION.replacen('{', &format!("{{{more},"), 1));
    let id = Uuid::from_u128(7);
    let policy = with(&format!(
        r#""selectors":{{"tags":["eu"],"tiers":["subagent"]}},"metadata":{{"ticket":12}},
           "prerequisites":["{id}","{}"],"chainTrigger":"any_violated""#,
        PolicyId(id)
    ))
    .unwrap();
    assert_eq!(policy.prerequisites, [id]);
    assert_eq!(policy.selectors.tags, ["eu"]);
    let fact = policy.fact();
    assert_eq!(fact.selectors.unwrap().tiers, ["subagent"]);
    assert_eq!(fact.chain_trigger, "any_violated");
    let many: Vec<String> = (0..21).map(|n| Uuid::from_u128(n).to_string()).collect();
    for (more, problem) in [
        (
            r#""selectors":{"tiers":["robot"]}"#.to_owned(),
            "selectors: unknown tier 'robot'",
        ),
        (
            r#""selectors":{"tag":["eu"]}"#.to_owned(),
            "selectors: unknown field `tag`",
        ),
        (
            r#""selectors":{"tags":[""]}"#.to_owned(),
            "selectors.tags: must not be empty",
        ),
        (
            r#""prerequisites":["x"]"#.to_owned(),
            "prerequisites: `x` is no policy id",
        ),
        (
            format!(r#""prerequisites":{many:?}"#),
            "prerequisites: at most 20",
        ),
        (
            r#""chainTrigger":"sometimes""#.to_owned(),
            "chainTrigger: unknown chain trigger",
        ),
        (
            r#""evaluationOrder":100001"#.to_owned(),
            "evaluationOrder: at most 100000",
        ),
        (
            format!(r#""metadata":"{}""#, "x".repeat(16 * 1024)),
            "metadata: at most 16384",
        ),
    ] {
        let Err(Refusal::Invalid(problems)) = with(&more) else {
            panic!("{more}")
        };
        assert!(problems[0].starts_with(problem), "{problems:?}");
    }
}

#[test]
fn words_are_kept_in_their_plain_form() {
    let policy = create(&INJECTION.replace("block", "hard_block")).unwrap();
    assert_eq!(policy.said().enforcement_mode, Mode::Block);
    let watched = policy.patched(
        &body(r#"{"enforcementMode":"log_only"}"#),
        &Targets::default(),
        at(1),
    );
    assert_eq!(watched.unwrap().mode, Mode::Monitor);
}

#[test]
fn notes_and_descriptions_stay_out_of_the_fact() {
    let said = INJECTION.replacen('{', r#"{"metadata":"hidden","description":"hidden","#, 1);
    let shown = format!("{:?}", create(&said).unwrap().fact());
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn a_new_type_must_fit_the_stored_rule() {
    let policy = create(INJECTION).unwrap();
    let patch = body(r#"{"policyType":"cost_limit"}"#);
    assert!(policy.patched(&patch, &Targets::default(), at(1)).is_err());
}

#[test]
fn below_admin_a_policy_names_agents_and_all_are_owned() {
    let mine = Uuid::from_u128(1);
    let theirs = Uuid::from_u128(2);
    let developer = Targets {
        unknown: Vec::new(),
        foreign: Some(vec![theirs]),
    };
    let create = |agents: &str| {
        let text = INJECTION.replacen('{', &format!(r#"{{"appliesToAgents":{agents},"#), 1);
        Policy::new(Uuid::nil(), &body(&text), &developer, at(0))
    };
    assert!(matches!(create("[]"), Err(Refusal::NotOwned(_))));
    assert!(matches!(
        create(&format!("[\"{theirs}\"]")),
        Err(Refusal::NotOwned(_))
    ));
    let own = create(&format!("[\"{mine}\"]")).unwrap();
    let widened = own.patched(&body(r#"{"appliesToAgents":[]}"#), &developer, at(1));
    assert!(matches!(widened, Err(Refusal::NotOwned(_))));
}
