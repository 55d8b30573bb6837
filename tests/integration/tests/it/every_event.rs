//! Every kind of governance event, done as its user does it. Then the whole export says of each of
//! them who did what, for whom, how it ended and why, under which policies, in which trace, and commits
//! to the very fact on the log; and two programs that share no code find it whole.

mod acts;
mod issuer;
mod log;
mod table;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;
use writ_chain::leaf::{EntryBody, GAP, Leaf, salted_digest};
use writ_contract::digest::DigestKey;
use writ_contract::{DecisionId, Envelope, OrgId};
use writ_testkit::eventually;

use crate::stack::Stack;
use crate::witnessed::Desk;
use acts::{Done, SUBJECT, trace_id};
use table::{Row, Who, rows};

const SOON: Duration = Duration::from_secs(30);

/// An entry as the export has it.
#[derive(Debug)]
struct Told {
    event: Uuid,
    entry: EntryBody,
}

/// A whole export in the trace of `act`, written to a file.
async fn export(stack: &Stack, act: &str, to: &Path) -> Option<Vec<Told>> {
    let mut request = stack.request(Method::GET, "/audit/export");
    request = request.header("x-api-key", stack.var("WRIT_ADMIN_KEY"));
    if !act.is_empty() {
        let parent = format!("00-{}-b7ad6b7169203331-01", trace_id(act));
        request = request.header("traceparent", parent);
    }
    let answer = request.send().await.unwrap();
    if answer.status() != StatusCode::OK {
        return None;
    }
    let text = answer.text().await.unwrap();
    std::fs::write(to, &text).unwrap();
    Some(text.lines().filter_map(told).collect())
}

fn told(line: &str) -> Option<Told> {
    let line: Value = serde_json::from_str(line).unwrap();
    let bytes = BASE64.decode(line["leaf"].as_str()?).unwrap();
    let leaf = Leaf::parse(&bytes).unwrap();
    Some(Told {
        event: leaf.position.event_id,
        entry: leaf.entry().unwrap(),
    })
}

/// Whether a line of the table is about an entry.
fn is_about(row: &Row, told: &Told) -> bool {
    let trace = (!row.act.is_empty()).then(|| trace_id(row.act));
    let entry = &told.entry;
    entry.kind == row.kind && entry.action.as_deref() == Some(row.action) && entry.trace_id == trace
}

/// Who everybody is in the ledger of this stack.
async fn names(stack: &Stack, done: &Done) -> HashMap<Who, String> {
    let org: OrgId = stack.var("WRIT_ORG").parse().unwrap();
    let digest = DigestKey::new(log::secret(stack, "digest_key")).for_org(org);
    let mut names = HashMap::from([
        (Who::Worker, format!("agent:{}", done.worker)),
        // A delegation names who handed down as the application calls it.
        (Who::Planner, "agent:planner".to_owned()),
        (Who::SignedIn, format!("person:{}", done.person)),
        (Who::Member, done.person.clone()),
        (
            Who::Subject,
            format!("user:{}", hex::encode(digest.user(SUBJECT))),
        ),
    ]);
    let keys = stack.get("/keys").await;
    for (role, key, person) in [
        ("owner", Who::OwnersKey, Who::Owner),
        ("developer", Who::DevelopersKey, Who::Developer),
    ] {
        let mut all = keys["data"].as_array().unwrap().iter();
        let found = all.find(|it| it["role"] == role).unwrap();
        names.insert(key, format!("key:{}", found["id"].as_str().unwrap()));
        names.insert(person, found["person"].as_str().unwrap().to_owned());
    }
    names
}

fn name(names: &HashMap<Who, String>, who: Who) -> String {
    if let Who::Writ(service) = who {
        return format!("system:{service}");
    }
    names[&who].clone()
}

/// An entry says what its line of the table does.
fn says(row: &Row, entry: &EntryBody, names: &HashMap<Who, String>) {
    let (actor, behind) = row.by;
    assert_eq!(entry.actor, Some(name(names, actor)), "{row:?}");
    let behind: Vec<_> = behind.iter().map(|who| name(names, *who)).collect();
    assert_eq!(entry.on_behalf_of, behind, "{row:?}");
    assert_eq!(entry.outcome.as_deref(), Some(row.outcome), "{row:?}");
    let reason = entry.reason_code.as_deref().unwrap_or_default();
    assert_eq!(reason, row.reason, "{row:?}");
    assert!(entry.target.is_some(), "{row:?}");
    let hash = entry.policy_set_hash.as_deref().unwrap_or_default();
    let length = if row.judged { 64 } else { 0 };
    assert_eq!(hash.len(), length, "{row:?}: {hash}");
}

/// The bytes an entry commits to: the fact as it is on the log, or, for what the ledger states itself,
/// what the entry says.
fn committed(told: &Told, facts: &HashMap<Uuid, Vec<u8>>) -> Vec<u8> {
    let Told { event, entry } = told;
    let said = |field: &Option<String>| field.clone().unwrap_or_default();
    if entry.kind == GAP {
        return said(&entry.target).into_bytes();
    }
    if entry.source.stream == "ledger" {
        let fields = [
            entry.kind.clone(),
            said(&entry.actor),
            said(&entry.action),
            said(&entry.target),
            said(&entry.outcome),
            entry.occurred_at.to_string(),
        ];
        return fields.map(|field| field + "\n").concat().into_bytes();
    }
    let fact = facts.get(event);
    let fact = fact.unwrap_or_else(|| panic!("no fact on the log is {event}: {entry:?}"));
    let envelope = Envelope::decode(fact).unwrap();
    let stated = (envelope.kind.to_string(), envelope.occurred_at_us);
    assert_eq!(stated, (entry.kind.clone(), entry.occurred_at));
    fact.clone()
}

/// The salts of an organisation's entries, which no export shows.
async fn salts(stack: &Stack) -> HashMap<Uuid, [u8; 32]> {
    let pool = sqlx::PgPool::connect(stack.var("DATABASE_URL"));
    let sql = "select event_id, salt from ledger.entries";
    let rows: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(sql)
        .fetch_all(&pool.await.unwrap())
        .await
        .unwrap();
    let salt = |(event, salt): (Uuid, Vec<u8>)| (event, salt.try_into().unwrap());
    rows.into_iter().map(salt).collect()
}

/// Each entry commits to its fact.
async fn each_is_of_its_fact(stack: &Stack, ledger: &[Told]) {
    let (facts, salts) = (log::facts(stack).await, salts(stack).await);
    for told in ledger {
        let digest = salted_digest(&salts[&told.event], &committed(told, &facts));
        assert_eq!(told.entry.digest, hex::encode(digest), "{told:?}");
    }
}

/// Each line of the table is about one entry, and that says what the line does.
fn each_is_told(ledger: &[Told], done: &Done, names: &HashMap<Who, String>) {
    for row in rows() {
        let found: Vec<_> = ledger.iter().filter(|it| is_about(&row, it)).collect();
        let [told] = found[..] else {
            panic!("{row:?}: {found:#?}")
        };
        says(&row, &told.entry, names);
        let answered = done.decisions.iter().find(|(act, _)| *act == row.act);
        if let Some((_, id)) = answered.filter(|_| row.kind == "decision.made.v1") {
            let id: DecisionId = id.parse().unwrap();
            assert_eq!(told.event, id.0, "the event is the decision: {row:?}");
        }
    }
    let gap = ledger.iter().find(|it| it.entry.kind == GAP).unwrap();
    let missing = format!("incarnation:{}:1-1", log::INCARNATION);
    assert_eq!(gap.entry.target, Some(missing));
}

#[tokio::test]
async fn every_governance_event_is_an_entry_that_says_who_what_for_whom_and_why() {
    let stack = Stack::with_env(&["--empty"], &[issuer::ALLOWED]).await;
    let done = acts::everything(&stack).await;
    let names = names(&stack, &done).await;
    let desk = Desk::of(stack);
    let (stack, file) = (&desk.stack, desk.dir.path().join("whole.jsonl"));
    eventually(SOON, "something is sealed", || async {
        let taken = export(stack, "exported", &file).await;
        taken.map(drop).ok_or("nothing")
    })
    .await;
    let ledger = eventually(SOON, "every kind is in an export", || async {
        let ledger = export(stack, "", &file).await.unwrap();
        let is_absent = |row: &Row| !ledger.iter().any(|told| is_about(row, told));
        let absent: Vec<_> = rows().filter(is_absent).collect();
        absent.is_empty().then_some(ledger).ok_or(absent)
    })
    .await;
    each_is_told(&ledger, &done, &names);
    each_is_of_its_fact(stack, &ledger).await;
    let said = format!("{ledger:?}");
    assert!(!said.contains(SUBJECT) && !said.contains(issuer::EMAIL));
    let (code, rust, python) = desk.verify(&file, &[]);
    assert_eq!(code, 0, "{rust}{python}");
}
