//! Entries as a SIEM takes them: OCSF and CEF. Neither can be verified against the tree, but each
//! line names the entry's number and leaf hash, by which it is found in a bundle that can.

use serde_json::{Map, Value, json};
use writ_chain::leaf::{EntryBody, Leaf, leaf_hash};

use crate::store::ExportRow;

/// OCSF 1.3.0, class Entity Management (3004) of Identity & Access Management.
const OCSF: &str = "1.3.0";
const CLASS: u64 = 3_004;
const CATEGORY: u64 = 3;

/// One entry, read.
struct Read {
    seq: u64,
    event_id: String,
    hash: String,
    body: EntryBody,
}

fn read(row: &ExportRow) -> Option<Read> {
    let leaf = Leaf::parse(&row.leaf_bytes).ok()?;
    Some(Read {
        seq: row.seq,
        event_id: leaf.position.event_id.to_string(),
        hash: hex::encode(leaf_hash(&row.leaf_bytes)),
        body: leaf.entry().ok()?,
    })
}

/// Whether it ended as the actor wanted; `None` when it says neither.
fn succeeded(outcome: Option<&str>) -> Option<bool> {
    match outcome? {
        "allowed" | "succeeded" | "granted" | "approved" | "flagged" | "warned" => Some(true),
        "blocked" | "denied" | "failed" | "refused" | "expired" => Some(false),
        _ => None,
    }
}

/// 1 create, 3 update, 4 delete, 99 anything else, by the last word of the act.
fn activity(action: &str) -> u64 {
    let word = action.rsplit('.').next().unwrap_or_default();
    match word {
        "create" | "created" | "register" | "registered" | "issue" | "issued" => 1,
        "update" | "updated" | "change" | "changed" | "rotate" | "rotated" => 3,
        "delete" | "deleted" | "revoke" | "revoked" | "archive" | "archived" => 4,
        _ => 99,
    }
}

/// One OCSF event and a line end. `None` when the entry cannot be read.
pub(super) fn ocsf(row: &ExportRow) -> Option<String> {
    let entry = read(row)?;
    let body = &entry.body;
    let action = body.action.as_deref().unwrap_or(&body.kind);
    let activity = activity(action);
    let ended = succeeded(body.outcome.as_deref());
    let (kind, uid) = match body.target.as_deref() {
        Some(target) => target.split_once(':').unwrap_or(("", target)),
        None => ("", body.aggregate_id.as_deref().unwrap_or(&body.kind)),
    };
    let mut event = json!({
        "activity_id": activity,
        "activity_name": action,
        "category_uid": CATEGORY,
        "category_name": "Identity & Access Management",
        "class_uid": CLASS,
        "class_name": "Entity Management",
        "type_uid": CLASS * 100 + activity,
        "severity_id": if ended == Some(false) { 3 } else { 1 },
        "status_id": match ended { Some(true) => 1, Some(false) => 2, None => 99 },
        "time": body.occurred_at.div_euclid(1_000),
        "message": message(body),
        "entity": { "type": kind, "uid": uid },
        "metadata": {
            "version": OCSF,
            "uid": entry.event_id,
            "event_code": body.kind,
            "sequence": entry.seq,
            "product": { "name": "Writ", "vendor_name": "Writ", "feature": { "name": crate::NAME } },
        },
        "unmapped": unmapped(&entry),
    });
    if let (Some(actor), Some(fields)) = (&body.actor, event.as_object_mut()) {
        fields.insert("actor".into(), json!({ "user": { "uid": actor } }));
    }
    if let (Some(outcome), Some(fields)) = (&body.outcome, event.as_object_mut()) {
        fields.insert("status".into(), json!(outcome));
    }
    if let (Some(reason), Some(fields)) = (&body.reason_code, event.as_object_mut()) {
        fields.insert("status_code".into(), json!(reason));
    }
    Some(format!("{event}\n"))
}

fn unmapped(entry: &Read) -> Value {
    let mut fields = Map::new();
    fields.insert("leafHash".into(), json!(entry.hash));
    let body = &entry.body;
    if !body.on_behalf_of.is_empty() {
        fields.insert("onBehalfOf".into(), json!(body.on_behalf_of));
    }
    if let Some(hash) = &body.policy_set_hash {
        fields.insert("policySetHash".into(), json!(hash));
    }
    if let Some(trace) = &body.trace_id {
        fields.insert("traceId".into(), json!(trace));
    }
    Value::Object(fields)
}

fn message(body: &EntryBody) -> String {
    let of = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".to_owned());
    let act = body.action.as_deref().unwrap_or(&body.kind);
    format!(
        "{} {act} {}: {}",
        of(&body.actor),
        of(&body.target),
        of(&body.outcome)
    )
}

/// One CEF event and a line end. `None` when the entry cannot be read.
pub(super) fn cef(row: &ExportRow) -> Option<String> {
    let entry = read(row)?;
    let body = &entry.body;
    let action = body.action.as_deref().unwrap_or(&body.kind);
    let severity = if succeeded(body.outcome.as_deref()) == Some(false) {
        6
    } else {
        3
    };
    let version = env!("CARGO_PKG_VERSION");
    let header = [&body.kind, action].map(in_header).join("|");
    let mut line = format!("CEF:0|Writ|{}|{version}|{header}|{severity}|", crate::NAME);
    let (number, hash) = (entry.seq.to_string(), Some(entry.hash.as_str()));
    let time = body.occurred_at.div_euclid(1_000).to_string();
    let fields = [
        ("rt", Some(time.as_str())),
        ("externalId", Some(entry.event_id.as_str())),
        ("act", Some(action)),
        ("suser", body.actor.as_deref()),
        ("outcome", body.outcome.as_deref()),
        ("reason", body.reason_code.as_deref()),
        ("cs1Label", body.target.as_ref().map(|_| "target")),
        ("cs1", body.target.as_deref()),
        ("cs2Label", Some("leafHash")),
        ("cs2", hash),
        (
            "cs3Label",
            body.policy_set_hash.as_ref().map(|_| "policySetHash"),
        ),
        ("cs3", body.policy_set_hash.as_deref()),
        ("cs4Label", body.trace_id.as_ref().map(|_| "traceId")),
        ("cs4", body.trace_id.as_deref()),
        ("cn1Label", Some("seq")),
        ("cn1", Some(number.as_str())),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", in_extension(value?))));
    line.push_str(&given.collect::<Vec<_>>().join(" "));
    line.push('\n');
    Some(line)
}

/// CEF's escapes in the header: backslash and pipe; a line break would end the event.
fn in_header(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('|', "\\|");
    escaped.replace(['\r', '\n'], " ")
}

/// CEF's escapes in a value: backslash, equals sign and line breaks.
fn in_extension(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('=', "\\=");
    escaped.replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use writ_chain::chain::Chain;
    use writ_chain::leaf::Source;

    use super::*;

    fn row(change: impl FnOnce(&mut EntryBody)) -> ExportRow {
        let source = Source {
            stream: "S".into(),
            subject: "s".into(),
            emitter: "e".into(),
            emitter_seq: None,
            version: None,
        };
        let mut body = EntryBody {
            kind: "policy.updated.v1".into(),
            action: Some("policy.update".into()),
            actor: Some("key:key_1".into()),
            target: Some("policy:pol_1".into()),
            outcome: Some("succeeded".into()),
            occurred_at: 1_790_000_000_123_456,
            reason_code: None,
            aggregate_id: None,
            on_behalf_of: Vec::new(),
            policy_set_hash: None,
            trace_id: None,
            window: None,
            source,
            digest: "00".repeat(32),
        };
        change(&mut body);
        let mut chain = Chain::new(Uuid::from_u128(1));
        let appended = chain.append(Uuid::from_u128(2), &body).unwrap();
        ExportRow {
            seq: 0,
            leaf_bytes: appended.leaf_bytes,
        }
    }

    #[test]
    fn an_ocsf_event_has_what_its_class_requires() {
        let line = ocsf(&row(|_| {})).unwrap();
        assert!(line.ends_with('\n') && line.trim_end().lines().count() == 1);
        let event: Value = serde_json::from_str(&line).unwrap();
        for (pointer, expected) in [
            ("/activity_id", json!(3)),
            ("/category_uid", json!(3)),
            ("/class_uid", json!(3004)),
            ("/type_uid", json!(300_403)),
            ("/severity_id", json!(1)),
            ("/status_id", json!(1)),
            ("/time", json!(1_790_000_000_123_u64)),
            ("/entity/uid", json!("pol_1")),
            ("/entity/type", json!("policy")),
            ("/metadata/version", json!("1.3.0")),
            ("/metadata/product/vendor_name", json!("Writ")),
            ("/actor/user/uid", json!("key:key_1")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&expected), "{pointer}");
        }
        let blocked = ocsf(&row(|body| body.outcome = Some("blocked".into()))).unwrap();
        let blocked: Value = serde_json::from_str(&blocked).unwrap();
        assert_eq!(
            (&blocked["status_id"], &blocked["severity_id"]),
            (&json!(2), &json!(3))
        );
    }

    #[test]
    fn an_entry_without_a_target_still_has_an_entity() {
        let event = ocsf(&row(|body| body.target = None)).unwrap();
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["entity"]["uid"], "policy.updated.v1");
    }

    #[test]
    fn nothing_in_a_field_ends_a_cef_field_or_event() {
        let line = cef(&row(|body| {
            body.kind = "a|b\\c\nd".into();
            body.target = Some("x=y|z\\\r\ncs2=forged".into());
        }))
        .unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.starts_with("CEF:0|Writ|audit-ledger|"), "{line}");
        assert!(
            line.contains("|a\\|b\\\\c d|policy.update|3|rt=1790000000123 "),
            "{line}"
        );
        assert!(
            line.contains("cs1=x\\=y|z\\\\\\r\\ncs2\\=forged cs2Label=leafHash"),
            "{line}"
        );
    }
}
