//! Policies as code, offline: what is refused, what is tested, what the packs come to.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::{code, err, out, writ};

/// A folder with files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let here = self.0.path().to_str().unwrap();
        let mut all = vec!["policy"];
        all.extend(args);
        all.push(here);
        writ(&all)
    }
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: writ.dev/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn limit(name: &str) -> String {
    let spec = "{policyType: cost_limit, enforcementMode: block, \
                ruleDefinition: {max_cost_per_execution: 1}}";
    policy(name, spec)
}

fn test(cases: &str) -> String {
    format!("apiVersion: writ.dev/v1\nkind: PolicyTest\nspec:\n  cases:\n{cases}")
}

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/packs")
}

#[test]
fn every_pack_is_valid_passes_its_tests_and_tests_all_it_says() {
    let path = packs();
    let path = path.to_str().unwrap();
    let run = writ(&["policy", "validate", path]);
    assert_eq!(code(&run), 0, "{}", out(&run));
    let run = writ(&["policy", "test", path, "--min-coverage", "100"]);
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
}

#[test]
fn every_folder_of_packs_is_known_by_its_name() {
    let run = writ(&["policy", "packs", "-o", "json"]);
    let listed: Value = serde_json::from_str(&out(&run)).unwrap();
    let mut listed: Vec<_> = listed.as_array().unwrap().iter().collect();
    listed.sort_by_key(|it| it["name"].to_string());
    let mut folders: Vec<_> = std::fs::read_dir(packs())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let names: Vec<_> = listed
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, folders);
    for name in names {
        let run = writ(&["policy", "test", "--pack", name]);
        assert_eq!(code(&run), 0, "{name}: {}", out(&run));
    }
    assert_eq!(code(&writ(&["policy", "test", "--pack", "nonesuch"])), 64);
}

/// The YAML blocks of a guide that are documents of ours.
fn examples(guide: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
    let text = std::fs::read_to_string(path.join(guide)).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|it| it.split("```").next());
    blocks
        .filter(|it| it.starts_with("apiVersion"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_examples_of_the_guides_are_true() {
    let [policy, tests] = examples("policies-as-code.md").try_into().unwrap();
    let folder = Folder::with(&[("p.yaml", &policy), ("p_test.yaml", &tests)]);
    let run = folder.run(&["test"]);
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
    let [quickstart] = examples("quickstart.md").try_into().unwrap();
    let run = Folder::with(&[("policies.yaml", &quickstart)]).run(&["validate"]);
    assert_eq!(code(&run), 0, "{}", out(&run));
}

#[test]
fn every_problem_is_named_with_its_line() {
    let bad = "apiVersion: writ.dev/v2\nkind: Policy\nmetadata: {name: ''}\nspec:\n  \
               policyType: cost_limt\n  enforcementMode: stop\n  ruleDefinition: {}\n  \
               isActiv: true\n  evaluationOrder: many\nextra: 1\n";
    let worse = policy(
        "b",
        "{policyType: cost_limit, enforcementMode: block, ruleDefinition: {max_cots: 1}}",
    );
    let folder = Folder::with(&[("a.yaml", bad), ("b.yml", &worse), ("c.json", "{\"a\": [}")]);
    let run = folder.run(&["validate"]);
    assert_eq!(code(&run), 3, "{}", out(&run));
    for said in [
        "a.yaml:1: apiVersion: must be writ.dev/v1",
        "a.yaml:3: metadata.name: must be text, and not empty",
        "a.yaml:5: spec.policyType: unknown policy type 'cost_limt'",
        "a.yaml:6: spec.enforcementMode: unknown enforcement mode 'stop'",
        "a.yaml:8: spec.isActiv: unknown field 'isActiv'",
        "a.yaml:9: spec.evaluationOrder: ",
        "a.yaml:10: extra: unknown field 'extra'",
        "b.yml:5: spec.ruleDefinition: unknown field 'max_cots'",
        "c.json:1: not YAML",
    ] {
        assert!(out(&run).contains(said), "{said}\n{}", out(&run));
    }
}

#[test]
fn what_the_server_would_find_too_much_is_found_here() {
    let spec = format!(
        "{{policyType: injection_scan, enforcementMode: block, ruleDefinition: {{}}, \
         evaluationOrder: 100001, description: {}, metadata: {{a: {}}}, \
         selectors: {{tags: ['']}}, appliesToAgents: [a, '']}}",
        "d".repeat(4_097),
        "m".repeat(16 * 1024),
    );
    let folder = Folder::with(&[("p.yaml", &policy(&"n".repeat(201), &spec))]);
    let run = folder.run(&["validate"]);
    assert_eq!(code(&run), 3, "{}", out(&run));
    for said in [
        "metadata.name: at most 200 characters, not 201",
        "spec.evaluationOrder: at most 100000",
        "spec.description: at most 4096 characters, not 4097",
        "spec.metadata: at most 16384 bytes",
        "spec.selectors: tags: each must have 1 to 256 characters",
        "spec.appliesToAgents[1]: must be text, and not empty",
    ] {
        assert!(out(&run).contains(said), "{said}\n{}", out(&run));
    }
}

#[test]
fn a_name_is_taken_once_and_a_chain_has_an_end() {
    let chained = |name: &str, after: &str| {
        let spec = format!(
            "{{policyType: injection_scan, enforcementMode: block, ruleDefinition: {{}}, \
             prerequisites: [{after}]}}"
        );
        policy(name, &spec)
    };
    let text = [
        chained("a", "b"),
        chained("b", "c"),
        chained("c", "a"),
        chained("d", "nobody"),
        limit("e"),
        limit("e"),
    ]
    .concat();
    let run = Folder::with(&[("p.yaml", &text)]).run(&["validate"]);
    assert_eq!(code(&run), 3);
    for said in [
        "prerequisites go in a circle: a → b → c → a",
        "no policy 'nobody' in these files",
        "the name 'e' is taken by the policy at ",
    ] {
        assert!(out(&run).contains(said), "{said}\n{}", out(&run));
    }
    assert_eq!(out(&run).lines().count(), 4, "{}", out(&run));
}

#[test]
fn a_test_that_fails_says_what_was_decided() {
    let cases = "    - name: dear\n      request: {input: x, estimatedCost: 2}\n      \
                 expect: {outcome: allow, policies: []}\n    \
                 - name: cheap\n      request: {input: x, estimatedCost: 0.5}\n      \
                 expect: {outcome: allow}\n";
    let files = [("p.yaml", &*limit("limit")), ("p_test.yaml", &*test(cases))];
    let folder = Folder::with(&files);
    let run = folder.run(&["test"]);
    assert_eq!(code(&run), 4, "{}", out(&run));
    for said in [
        "p_test.yaml: 1 of 2 passed",
        "p_test.yaml:5: dear",
        "outcome: expected allow, was block",
        "policies: expected nothing, was limit",
        "2 tests, 1 failed; coverage 100.0 %",
    ] {
        assert!(out(&run).contains(said), "{said}\n{}", out(&run));
    }
    let junit = out(&folder.run(&["test", "-o", "junit"]));
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    let json: Value = serde_json::from_str(&out(&folder.run(&["test", "-o", "json"]))).unwrap();
    assert_eq!(json["failures"], 1);
    assert_eq!(json["suites"][0]["cases"][0]["passed"], false);
}

#[test]
fn a_condition_no_case_needs_is_untested() {
    let spec = "{policyType: tool_invocation, enforcementMode: block, \
                ruleDefinition: {denied_tools: [rm, mv]}}";
    let cases =
        "    - name: rm\n      request: {input: x, tools: [rm]}\n      expect: {outcome: block}\n";
    let files = [
        ("p.yaml", &*policy("tools", spec)),
        ("p_test.yaml", &*test(cases)),
    ];
    let folder = Folder::with(&files);
    let run = folder.run(&["test", "--min-coverage", "60"]);
    assert_eq!(code(&run), 4, "{}", out(&run));
    assert!(
        out(&run).contains("a pass, denied_tools[1] mv"),
        "{}",
        out(&run)
    );
    assert!(
        err(&run).contains("coverage 50.0 % is below 60 %"),
        "{}",
        err(&run)
    );
    assert_eq!(code(&folder.run(&["test", "--min-coverage", "50"])), 0);
}

#[test]
fn the_time_of_a_test_is_given() {
    let spec = "{policyType: expression, enforcementMode: block, \
                ruleDefinition: {expression: 'now.getHours() >= 22'}}";
    let cases = "    - name: at night\n      request: {input: x}\n      \
                 options: {now: 2026-11-20T23:00:00Z}\n      expect: {outcome: block}\n    \
                 - name: by day\n      request: {input: x}\n      expect: {outcome: allow}\n";
    let files = [
        ("p.yaml", &*policy("night", spec)),
        ("p_test.yaml", &*test(cases)),
    ];
    let run = Folder::with(&files).run(&["test"]);
    assert_eq!(code(&run), 0, "{}", out(&run));
}

#[test]
fn a_policy_is_for_the_agents_it_names() {
    let spec = "{policyType: cost_limit, enforcementMode: block, appliesToAgents: [buyer], \
                ruleDefinition: {max_cost_per_execution: 1}}";
    let case = |agent: &str, outcome: &str| {
        format!(
            "    - name: {agent}\n      request: {{agentId: {agent}, input: x, estimatedCost: 2}}\n      \
             expect: {{outcome: {outcome}}}\n"
        )
    };
    let cases = test(&[case("buyer", "block"), case("seller", "allow")].concat());
    let files = [
        ("p.yaml", &*policy("limit", spec)),
        ("p_test.yaml", &*cases),
    ];
    let run = Folder::with(&files).run(&["test"]);
    assert_eq!(code(&run), 0, "{}", out(&run));
}

#[test]
fn prerequisites_are_judged_first() {
    let tools = "{policyType: tool_invocation, enforcementMode: warn, \
                 ruleDefinition: {denied_tools: [pay]}}";
    let spec = "{policyType: cost_limit, enforcementMode: block, prerequisites: [payments], \
                chainTrigger: any_violated, ruleDefinition: {max_cost_per_execution: 1}}";
    let policies = [policy("dear payments", spec), policy("payments", tools)].concat();
    let case = |tool: &str, hit: &str| {
        format!(
            "    - name: {tool}\n      request: {{input: x, tools: [{tool}], estimatedCost: 2}}\n      \
             expect: {{policies: [{hit}]}}\n"
        )
    };
    let cases = test(&[case("pay", "payments, dear payments"), case("look", "")].concat());
    let files = [("p.yaml", &*policies), ("p_test.yaml", &*cases)];
    let run = Folder::with(&files).run(&["test"]);
    assert_eq!(code(&run), 0, "{}", out(&run));
}

#[test]
fn what_others_would_answer_is_given() {
    let spec = "{policyType: custom_validator, enforcementMode: block, \
                ruleDefinition: {validator_id: 0192f0c1-0000-7000-8000-000000000001}}";
    let case = |answer: &str, outcome: &str| {
        format!(
            "    - name: {answer}\n      request: {{input: x}}\n      \
             facts: {{answers: {{ours: {answer}}}}}\n      expect: {{outcome: {outcome}}}\n"
        )
    };
    let silent = "    - name: silent\n      request: {input: x}\n      expect: {outcome: block}\n";
    let cases = [
        case("allow", "allow"),
        case("deny", "block"),
        case("require_approval", "require_approval"),
        case("failed", "block"),
        silent.to_owned(),
    ];
    let cases = test(&cases.concat());
    let files = [("p.yaml", &*policy("ours", spec)), ("p_test.yaml", &*cases)];
    let run = Folder::with(&files).run(&["test"]);
    assert_eq!(code(&run), 0, "{}", out(&run));
}

#[test]
fn what_a_test_says_wrong_is_a_problem_of_the_file() {
    let cases = "    - name: a\n      request: {input: x}\n      expect: {outcom: block}\n    \
                 - name: b\n      request: {input: x}\n      expect: {outcome: no}\n    \
                 - name: c\n      request: {inptu: x}\n      expect: {outcome: allow}\n";
    let folder = Folder::with(&[("p.yaml", &limit("limit")), ("p_test.yaml", &test(cases))]);
    let run = folder.run(&["test"]);
    assert_eq!(code(&run), 3, "{}", out(&run));
    for said in [
        "p_test.yaml:5: ",
        "`outcom`",
        "p_test.yaml:8: ",
        "must be allow",
        "p_test.yaml:12: spec.cases[2].request: unknown field 'inptu'",
    ] {
        assert!(err(&run).contains(said), "{said}\n{}", err(&run));
    }
    let cases = "    - name: a\n      request: {input: x}\n      expect: {policies: [limt]}\n";
    let folder = Folder::with(&[("p.yaml", &limit("limit")), ("p_test.yaml", &test(cases))]);
    let run = folder.run(&["validate"]);
    assert!(
        out(&run).contains("p_test.yaml:5: no policy 'limt'"),
        "{}",
        out(&run)
    );
}

#[test]
fn only_what_has_cases_is_written_as_junit() {
    let folder = Folder::with(&[("p.yaml", &limit("limit"))]);
    let run = folder.run(&["validate", "-o", "junit"]);
    assert!(
        code(&run) == 0 && out(&run).contains("<testcase name="),
        "{}",
        out(&run)
    );
    assert_eq!(code(&folder.run(&["diff", "-o", "junit"])), 64);
    assert_eq!(code(&writ(&["agent", "list", "-o", "junit"])), 64);
}

#[test]
fn troubles_are_told_apart() {
    let folder = Folder::with(&[("p.yaml", &limit("limit"))]);
    assert_eq!(code(&folder.run(&["test"])), 1, "no tests");
    assert_eq!(code(&writ(&["policy", "validate", "/nowhere.yaml"])), 1);
    assert_eq!(code(&writ(&["policy", "validate"])), 64);
    let away = [
        "apply",
        "--yes",
        "--url",
        "http://127.0.0.1:9",
        "--key",
        "k",
    ];
    assert_eq!(code(&folder.run(&away)), 1);
    assert_eq!(
        code(&folder.run(&["apply", "--yes", "--url", "http://127.0.0.1:9"])),
        6
    );
}
