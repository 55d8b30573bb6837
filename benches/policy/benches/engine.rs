//! `make bench-policy`: the engine alone, beside Cedar and the plain `cel` crate under the same rules.

use std::hint::black_box;

use cedar_policy::{Authorizer, Context, Entities, PolicySet as CedarSet, Request as CedarRequest};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use writ_policy::detect::{injection, pii};
use writ_policy::{Facts, Outcome, Policy, PolicySet, Request, decide_alone};
use writ_policy_bench::{NOON_MS, cedar, cel, conditions, mixed, request, scoped, texts};

fn requests() -> Vec<Request> {
    texts(256, 1000).iter().map(|text| request(text)).collect()
}

/// Takes turns over the requests, so that none is learned by heart.
fn judged(c: &mut Criterion, group: &str, name: &str, policies: Vec<Policy>) {
    let set = PolicySet::compile(policies);
    let requests = requests();
    let facts = Facts::at(NOON_MS);
    let mut turn = requests.iter().cycle();
    c.benchmark_group(group).bench_function(name, |b| {
        b.iter(|| {
            let request = turn.next().expect("a cycle does not end");
            let decision = decide_alone(&set, request, &facts);
            assert_eq!(decision.outcome, Outcome::Allow);
            decision
        });
    });
}

fn decisions(c: &mut Criterion) {
    judged(
        c,
        "decide 1 KB",
        "100 mixed policies, 56 patterns",
        mixed(100),
    );
    judged(
        c,
        "decide 1 KB",
        "the injection detector alone: no pattern, no other policy",
        vec![detector()],
    );
    judged(
        c,
        "decide 1 KB",
        "20 of 10,000 policies apply",
        scoped(10_000, 20),
    );
}

fn peers(c: &mut Criterion) {
    judged(c, "100 conditions", "writ", conditions(100));
    let set: CedarSet = cedar(100).parse().expect("Cedar reads the rules");
    let context = Context::from_json_value(
        serde_json::json!({"tool": "crm.read", "cents": 20, "environment": "production"}),
        None,
    );
    let asked = CedarRequest::new(
        "Agent::\"bench-bot\"".parse().expect("an entity"),
        "Action::\"act\"".parse().expect("an entity"),
        "Tool::\"crm.read\"".parse().expect("an entity"),
        context.expect("a context"),
        None,
    );
    let (asked, entities) = (asked.expect("a request"), Entities::empty());
    let authorizer = Authorizer::new();
    let mut group = c.benchmark_group("100 conditions");
    group.bench_function("cedar-policy", |b| {
        b.iter(|| {
            let answer = authorizer.is_authorized(&asked, &set, &entities);
            assert_eq!(answer.decision(), cedar_policy::Decision::Allow);
            answer
        });
    });
    let sources = cel(100);
    let programs: Vec<_> = sources
        .iter()
        .map(|source| cel::Program::compile(source).expect("CEL reads the rules"))
        .collect();
    group.bench_function("cel", |b| {
        b.iter(|| {
            let mut context = cel::Context::default();
            context.add_variable_from_value("cost", 0.2);
            context.add_variable_from_value("environment", "production".to_owned());
            context.add_variable_from_value("tools", vec!["crm.read".to_owned()]);
            for program in &programs {
                let value = program.execute(&context).expect("CEL runs the rules");
                assert_eq!(value, cel::Value::Bool(false));
            }
        });
    });
    group.finish();
}

fn compiling(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.sample_size(10);
    for count in [1_000, 10_000] {
        group.bench_function(format!("{count} mixed policies"), |b| {
            b.iter_batched(
                || mixed(count),
                PolicySet::compile,
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Plain prose, and inputs made to be slow.
fn scanned() -> Vec<(&'static str, String)> {
    let long = |unit: &str| unit.repeat(65_536 / unit.len());
    vec![
        ("prose", texts(1, 65_536).remove(0)),
        ("digits", long("4111 1111 1111 111")),
        ("dots", long("1.1.")),
        ("at signs", long("a@")),
        (
            "base64",
            long("aWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnM"),
        ),
        ("almost a pattern", long("forbidden phrase number ")),
        ("not ASCII", long("größe данные ")),
    ]
}

fn scans(c: &mut Criterion) {
    for (name, text) in scanned() {
        let mut group = c.benchmark_group(format!("scan 64 KB of {name}"));
        group.sample_size(20);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("injection", |b| {
            b.iter(|| injection::scan(black_box(&text), injection::Origin::User));
        });
        group.bench_function("pii", |b| b.iter(|| pii::find(black_box(&text))));
        group.finish();
    }
}

/// The first of the mixed policies without its patterns.
fn detector() -> Policy {
    let mut policy = mixed(3).remove(0);
    policy.rule_definition = serde_json::json!({});
    policy
}

/// The price of 56 patterns is the difference between the two.
fn patterns(c: &mut Criterion) {
    let with = vec![mixed(3).remove(0)];
    let without = vec![detector()];
    for (name, text) in scanned() {
        let request = request(&text);
        let facts = Facts::at(NOON_MS);
        let mut group = c.benchmark_group(format!("injection_scan of 64 KB of {name}"));
        group.sample_size(20);
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (kind, policies) in [("56 patterns", &with), ("none", &without)] {
            let set = PolicySet::compile(policies.clone());
            group.bench_function(kind, |b| b.iter(|| decide_alone(&set, &request, &facts)));
        }
        group.finish();
    }
}

criterion_group!(all, decisions, peers, compiling, scans, patterns);
criterion_main!(all);
