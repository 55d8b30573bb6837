//! The bytes of every fact are frozen: an example of each is checked in and must neither change
//! when written nor fail to be read. `WRIT_BLESS=1` (`make gen`) writes those of new facts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test stops at the first surprise; an example of a fact has many fields"
)]

use std::path::PathBuf;

use uuid::Uuid;
use writ_contract::wire::*;
use writ_contract::{
    Audit, Envelope, EventId, Fact, IncarnationId, Kind, OrgId, Packed, Record, Topology,
};

fn raw(n: u8) -> Vec<u8> {
    vec![n; 16]
}

fn envelope<F: Fact>(verb: &str, fact: &F) -> Envelope {
    Envelope {
        event_id: EventId(Uuid::from_u128(1)),
        kind: Kind::of::<F>(verb),
        org: OrgId(Uuid::from_u128(2)),
        aggregate_id: "aggregate".into(),
        version: 3,
        occurred_at_us: 1_800_000_000_000_000,
        audit: Audit {
            actor: "key:key_1".into(),
            action: "aggregate.verb".into(),
            target: "aggregate:1".into(),
            on_behalf_of: vec!["per_1".into()],
            outcome: "succeeded".into(),
            reason_code: "REASON".into(),
        },
        fact: fact.encode_to_vec(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
    }
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("{name}.hex"))
}

fn check(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = golden(name);
    let written = hex::encode(bytes);
    if std::env::var_os("WRIT_BLESS").is_some() && !path.exists() {
        std::fs::write(&path, &written).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        kept.trim(),
        written,
        "{name}: bytes changed; make a new major version instead"
    );
    hex::decode(kept.trim()).unwrap()
}

fn fact<F: Fact + PartialEq + std::fmt::Debug>(verb: &str, fact: &F) {
    let kind = envelope(verb, fact).kind;
    example(kind.as_str(), verb, fact);
}

/// A fact that has gained fields is kept twice: as it was written before, and with all of them.
fn example<F: Fact + PartialEq + std::fmt::Debug>(name: &str, verb: &str, fact: &F) {
    let written = envelope(verb, fact);
    let kept = check(name, &written.encode());
    let read = Envelope::decode(&kept).unwrap();
    assert_eq!(read, written);
    assert_eq!(&read.open::<F>().unwrap(), fact);
}

#[test]
fn facts_of_control_keep_their_bytes() {
    fact(
        "created",
        &Organization {
            org_id: raw(1),
            name: "Acme".into(),
            on_plan_limit: "govern".into(),
            registration_required: true,
            suspended: false,
            max_traces_per_month: Some(10_000),
            ..Organization::default()
        },
    );
    example(
        "organization.updated.v1",
        "updated",
        &Organization {
            org_id: raw(1),
            name: "Acme".into(),
            on_plan_limit: "refuse".into(),
            registration_required: true,
            suspended: false,
            max_traces_per_month: Some(10_000),
            tiered_governance: Some(false),
            version_registry: Some(false),
            prompt_approval: true,
            credential_required: true,
            plan: "pro".into(),
            retention_days: Some(90),
            max_agents: Some(50),
            max_policies: Some(20),
            max_users: Some(5),
        },
    );
    fact(
        "issued",
        &ApiKey {
            key_id: raw(1),
            public_id: "abcdefghijkl".into(),
            mac: vec![9; 32],
            role: "developer".into(),
            person: "per_1".into(),
            test: true,
            expires_at_us: Some(5),
            revoked: false,
            cidrs: vec!["10.0.0.0/8".into()],
            environments: vec!["staging".into()],
            signature_required: true,
            ..ApiKey::default()
        },
    );
    fact(
        "revoked",
        &ApiKey {
            key_id: raw(1),
            revoked: true,
            leaked: true,
            ..ApiKey::default()
        },
    );
    fact(
        "registered",
        &Agent {
            agent_id: raw(1),
            external_id: "support-bot".into(),
            name: "Support bot".into(),
            environment: "production".into(),
            agent_type: "chatbot".into(),
            platform: "custom".into(),
            tags: vec!["eu".into()],
            allowed_actions: vec!["crm.read".into()],
            allowed_data_sources: vec!["crm".into()],
            requires_human_approval_for: vec!["refund".into()],
            autonomy_level: "advise".into(),
            kill_version: 4,
            paused: true,
            pause_reason: "incident 12".into(),
            archived: false,
            outcome_strictness: String::new(),
        },
    );
    fact(
        "updated",
        &Agent {
            agent_id: raw(1),
            external_id: "support-bot".into(),
            outcome_strictness: "strict".into(),
            ..Agent::default()
        },
    );
    let policy = Policy {
        policy_id: raw(1),
        name: "No injection".into(),
        policy_type: "injection_scan".into(),
        enforcement_mode: "block".into(),
        rule_definition: "{}".into(),
        applies_to_agents: vec![raw(2)],
        is_active: true,
        evaluation_order: 100,
        severity: "high".into(),
        on_error: "deny".into(),
        ..Policy::default()
    };
    fact("created", &policy);
    let selectors = Selectors {
        tags: vec!["eu".into()],
        environments: vec!["staging".into()],
        users: vec!["u1".into()],
        tiers: vec!["subagent".into()],
    };
    fact(
        "updated",
        &Policy {
            selectors: Some(selectors),
            prerequisites: vec![raw(3)],
            chain_trigger: "any_violated".into(),
            ..policy
        },
    );
}

#[test]
fn the_fact_of_an_exception_keeps_its_bytes() {
    let exception = PolicyException {
        exception_id: raw(4),
        agent_id: raw(5),
        expires_at_us: 6,
    };
    fact(
        "waived",
        &Policy {
            policy_id: raw(1),
            exceptions: vec![exception],
            ..Policy::default()
        },
    );
    example(
        "decision.made.v1.excepted",
        "made",
        &Decision {
            decision_id: raw(1),
            excepted_policy_ids: vec![raw(2)],
            ..Decision::default()
        },
    );
}

#[test]
fn the_fact_of_a_false_positive_keeps_its_bytes() {
    fact(
        "marked",
        &FalsePositive {
            policy_id: raw(1),
            decision_id: raw(2),
        },
    );
}

#[test]
fn the_fact_of_a_validator_keeps_its_bytes() {
    fact(
        "updated",
        &Validator {
            validator_id: raw(1),
            name: "Refund rules".into(),
            url: "https://rules.example/judge".into(),
            timeout_ms: 300,
            fail_mode: "closed".into(),
            key_id: "k1".into(),
            nonce: vec![7; 12],
            sealed_secret: vec![8; 48],
            deleted: false,
        },
    );
}

#[test]
fn the_fact_of_a_baseline_keeps_its_bytes() {
    let tool = PinnedTool {
        server: "crm".into(),
        tool: "read".into(),
        descriptor_hash: "ab".repeat(32),
        description_hash: "cd".repeat(32),
    };
    fact(
        "pinned",
        &Baseline {
            agent_id: raw(1),
            tools: vec![tool],
            removed: false,
        },
    );
}

#[test]
fn the_fact_of_a_grant_keeps_its_bytes() {
    fact(
        "revoked",
        &Grant {
            grant_id: raw(1),
            agent_id: raw(2),
            target_agent_id: raw(3),
            allowed_actions: vec!["invoke".into()],
            expires_at_us: Some(5),
            revoked: true,
        },
    );
}

#[test]
fn facts_of_versions_keep_their_bytes() {
    let pending = PromptRequest {
        approval_id: raw(4),
        environment: "production".into(),
        key_id: raw(5),
        person: "per_1".into(),
        requested_at_us: 6,
    };
    fact(
        "requested",
        &PromptVersion {
            prompt_id: raw(1),
            agent_id: raw(2),
            external_agent_id: "support-bot".into(),
            number: 3,
            environments: vec!["staging".into()],
            approval_status: "pending".into(),
            pending: Some(pending),
            ..PromptVersion::default()
        },
    );
    fact(
        "rolled_back",
        &PromptVersion {
            prompt_id: raw(1),
            agent_id: raw(2),
            external_agent_id: "support-bot".into(),
            number: 2,
            environments: vec!["production".into()],
            approval_status: "not_required".into(),
            cancelled_approval_id: raw(7),
            last_environment: "production".into(),
            ..PromptVersion::default()
        },
    );
    fact(
        "activated",
        &AgentVersions {
            agent_id: raw(1),
            latest: 3,
            active: Some(2),
        },
    );
}

#[test]
fn facts_about_who_may_be_believed_keep_their_bytes() {
    fact(
        "updated",
        &Member {
            person: "per_01980c5e7d4b7c2e9f3a5b6c7d8e9f00".into(),
            role: "developer".into(),
            approver: true,
            removed: true,
            ..Member::default()
        },
    );
    fact(
        "added",
        &Member {
            person: "per_01980c5e7d4b7c2e9f3a5b6c7d8e9f00".into(),
            role: "viewer".into(),
            email_mac: vec![1; 32],
            subject_mac: vec![2; 32],
            ..Member::default()
        },
    );
    fact(
        "registered",
        &Issuer {
            issuer_id: raw(1),
            issuer: "https://id.example.com".into(),
            audiences: vec!["writ".into()],
            authorized_parties: vec!["console".into()],
            email: "verified".into(),
            roles_claim: "groups".into(),
            scopes_claim: "scope".into(),
            member_roles: vec![MappedRole {
                value: "staff".into(),
                role: "viewer".into(),
            }],
            keys: vec![IssuerKey {
                kid: "k".into(),
                algorithm: "RS256".into(),
                jwk: "{}".into(),
            }],
            keys_until_us: 7,
            removed: true,
        },
    );
    fact(
        "seen",
        &Login {
            person: "per_1".into(),
            issuer_id: raw(1),
            session: vec![2; 32],
            believed_until_us: Some(3),
            refused: 4,
            first_at_us: 5,
            last_at_us: 6,
        },
    );
    fact(
        "given",
        &DelegationState {
            delegation_id: raw(1),
            agent_id: raw(2),
            to_agent_id: raw(3),
            parent_id: raw(4),
            scopes: vec!["crm.read".into()],
            expires_at_us: 5,
            revoked: true,
        },
    );
    fact(
        "superseded",
        &SigningKey {
            kid: "k".into(),
            algorithm: "EdDSA".into(),
            jwk: "{}".into(),
            believed_until_us: Some(6),
        },
    );
}

#[test]
fn records_of_the_gate_keep_their_bytes() {
    fact(
        "set",
        &Kill {
            agent_id: raw(1),
            external_id: "support-bot".into(),
            environment: "production".into(),
            paused: true,
            reason: "incident 12".into(),
        },
    );
    fact(
        "created",
        &Pause {
            pause_id: raw(4),
            scope: "environment".into(),
            value: "production".into(),
            reason: "drill".into(),
            since_us: 1_800_000_000_000_000,
            expires_at_us: Some(1_800_000_060_000_000),
            ended: false,
        },
    );
    let mark = BudgetMark {
        policy_id: raw(3),
        period: "2026-11-20".into(),
        reserved: 10,
        total: 20,
        cap: 30,
        exceeded: true,
        ..BudgetMark::default()
    };
    let hit = Hit {
        policy_id: raw(3),
        policy_version: 2,
        policy_type: "pii_access".into(),
        enforcement_mode: "block".into(),
        severity: "high".into(),
        evidence: vec!["pii:email".into()],
    };
    let decision = Decision {
        decision_id: raw(1),
        agent_id: raw(2),
        external_agent_id: "support-bot".into(),
        environment: "production".into(),
        outcome: Outcome::Hold.into(),
        hits: vec![hit],
        policy_set_hash: vec![4; 32],
        engine_version: "1".into(),
        input_digest: vec![5; 32],
        input_length: 12,
        action_digest: vec![6; 32],
        tools: vec!["crm.read".into()],
        estimated_cost_micros: Some(0),
        kill_seq: 9,
        key_id: raw(7),
        person: "per_1".into(),
        approval_id: raw(8),
        body: Some(BodyRef {
            body_id: raw(9),
            shard: 3,
            stream_seq: 11,
            digest: vec![1; 32],
            length: 99,
        }),
        risk: 40,
        reason_code: "APPROVAL_REQUIRED".into(),
        budget_marks: vec![mark.clone()],
        session_id: "s1".into(),
        edge: "grpc".into(),
        evaluation_us: 12,
        ..Decision::default()
    };
    fact("made", &decision);
    let mark = BudgetMark {
        unit: BudgetUnit::Calls.into(),
        warned: true,
        pause_agent: true,
        counter: "all_20261120".into(),
        ..mark
    };
    example(
        "decision.made.v1.counted",
        "made",
        &Decision {
            budget_marks: vec![mark],
            ..decision.clone()
        },
    );
    let user = User {
        digest: vec![7; 32],
        verified: true,
    };
    let delegation = Delegation {
        chain: vec!["planner".into()],
        depth: 1,
        parent_decision_id: raw(4),
        verified: true,
    };
    example(
        "decision.made.v1.behind",
        "made",
        &Decision {
            phase: "post".into(),
            tier: "subagent".into(),
            user: Some(user),
            delegation: Some(delegation),
            ..decision.clone()
        },
    );
    let authorization = Authorization {
        target_agent_id: raw(5),
        target: "billing-bot".into(),
        action: "invoke".into(),
        grant_id: raw(6),
    };
    example(
        "decision.made.v1.authorized",
        "made",
        &Decision {
            authorization: Some(authorization),
            ..decision
        },
    );
    let consumed = Consumed {
        approval_id: raw(1),
        agent_id: raw(2),
        environment: "production".into(),
        action_digest: vec![3; 32],
        kill_seq: 4,
    };
    fact("consumed", &consumed);
}

#[test]
fn facts_of_the_other_services_keep_their_bytes() {
    let approver = Approver {
        key_id: raw(1),
        person: "per_2".into(),
        at_us: 6,
    };
    fact(
        "granted",
        &Approval {
            approval_id: raw(1),
            agent_id: raw(2),
            external_agent_id: "support-bot".into(),
            environment: "production".into(),
            status: "approved".into(),
            decision_ids: vec![raw(3)],
            action_digest: vec![4; 32],
            policy_ids: vec![raw(5)],
            policy_set_hash: vec![6; 32],
            requester_key_id: raw(7),
            requester_person: "per_1".into(),
            approvers: vec![approver],
            requested_at_us: 1,
            expires_at_us: 2,
            decided_at_us: Some(3),
            reason_digest: vec![8; 32],
        },
    );
    fact(
        "sealed",
        &Sealed {
            first_seq: 1,
            size: 2,
            root: vec![3; 32],
            event_ids: vec![raw(4)],
            checkpoint: "note".into(),
        },
    );
    let (window_start_us, window_end_us) = (1, 2);
    fact(
        "summed",
        &Metered {
            external_agent_id: "support-bot".into(),
            environment: "production".into(),
            window_start_us,
            window_end_us,
            traces: 3,
            errors: 4,
            cost_micros: 5,
            total_tokens: 6,
            duration_ms_sum: 7,
            duration_ms_max: 8,
        },
    );
    fact(
        "spent",
        &Quota {
            resource: "maxTracesPerMonth".into(),
            month_start_us: 1,
            month_end_us: 2,
            used: 3,
        },
    );
    fact(
        "found",
        &ForgedCredential {
            external_agent_id: "support-bot".into(),
            agent_id: raw(1),
            environment: "production".into(),
            key_id: raw(2),
            traces: 3,
            first_at_us: 4,
            last_at_us: 5,
        },
    );
    fact(
        "written",
        &BatchWritten {
            shard: 1,
            first_stream_seq: 2,
            last_stream_seq: 3,
            token: "t".into(),
            rows: 4,
            root: vec![5; 32],
        },
    );
    fact(
        "found",
        &Finding {
            finding_id: raw(1),
            external_agent_id: "support-bot".into(),
            environment: "production".into(),
            metric: "cost".into(),
            value: 1.5,
            expected: 0.5,
            score: 4.0,
            severity: "high".into(),
            window_start_us,
            window_end_us,
        },
    );
    fact(
        "disabled",
        &WebhookEndpoint {
            webhook_id: raw(1),
            events: vec!["agent.paused".into()],
            enabled: false,
            deleted: false,
            disabled_reason: "gone".into(),
        },
    );
}

#[test]
fn facts_of_what_went_past_the_gate_keep_their_bytes() {
    fact(
        "reported",
        &BypassWindow {
            window_id: raw(1),
            external_agent_id: "support-bot".into(),
            agent_id: raw(2),
            reason: "network_error".into(),
            source: "fail_open_network_error".into(),
            first_at_us: 1,
            last_at_us: 2,
            count: 3,
            status: Some(503),
            consecutive_failures: Some(4),
            key_id: raw(5),
        },
    );
    fact(
        "reported",
        &BypassDrop {
            drop_id: raw(1),
            windows: 2,
            bypasses: 3,
            since_us: Some(4),
            key_id: raw(5),
        },
    );
    fact(
        "heard",
        &Presence {
            agent_id: raw(1),
            external_id: "support-bot".into(),
            first_at_us: 1,
            last_at_us: 2,
            count: 3,
        },
    );
    fact(
        "recorded",
        &Resolution {
            resolution_id: raw(1),
            trace_id: "tr_1".into(),
            external_agent_id: "support-bot".into(),
            agent_id: raw(2),
            environment: "production".into(),
            resolved_status: "success".into(),
            basis: "read_back".into(),
            observed_at_us: 1,
            key_id: raw(3),
        },
    );
    fact(
        "opened",
        &Incident {
            incident_id: raw(1),
            kind: "policy".into(),
            external_agent_id: "support-bot".into(),
            agent_id: raw(2),
            environment: "production".into(),
            policy_id: raw(3),
            subject: "pii_access".into(),
            severity: "high".into(),
            state: "open".into(),
            occurrences: 1,
            first_at_us: 1,
            last_at_us: 2,
            decision_id: raw(4),
        },
    );
}

#[test]
fn packed_messages_keep_their_bytes() {
    let packed = Packed {
        incarnation: IncarnationId(Uuid::from_u128(1)),
        service: "enforcement".into(),
        records: vec![Record {
            org: OrgId(Uuid::from_u128(2)),
            event_id: EventId(Uuid::from_u128(3)),
            emitter_seq: 4,
            envelope: vec![5],
        }],
        closes: true,
    };
    let kept = check("packed.v1", &packed.encode());
    assert_eq!(Packed::decode(&kept), Ok(packed));
}

#[test]
fn every_fact_has_a_golden_example() {
    let kept: Vec<String> = std::fs::read_dir(golden("x").parent().unwrap())
        .unwrap()
        .filter_map(|f| f.ok()?.file_name().into_string().ok())
        .collect();
    for (aggregate, _) in writ_contract::fact::FACTS {
        let start = format!("{aggregate}.");
        assert!(
            kept.iter().any(|f| f.starts_with(&start)),
            "{aggregate} has no golden bytes"
        );
    }
}

#[test]
fn the_topology_is_the_one_in_schemas() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/topology.txt");
    let now = Topology::default().describe();
    if std::env::var_os("WRIT_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        now,
        "run `make gen`, review"
    );
}

#[test]
fn facts_of_data_subjects_keep_their_bytes() {
    fact(
        "received",
        &PrivacyRequest {
            request_id: raw(1),
            kind: "erasure".into(),
            state: "open".into(),
            legal_hold: true,
            person: "per_1".into(),
            subject_digests: vec![vec![2; 32]],
            received_at_us: 3,
            due_at_us: 4,
            closed_at_us: Some(5),
            due: "soon".into(),
        },
    );
    fact(
        "carried_out",
        &Erasure {
            request_id: raw(1),
            spans: 2,
            decisions: 3,
        },
    );
    fact(
        "carried_out",
        &CardErasure {
            request_id: raw(1),
            cards: 2,
        },
    );
}
