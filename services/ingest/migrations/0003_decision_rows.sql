-- Enforcement decisions. Read the view `decisions`, which shows each once.
CREATE TABLE IF NOT EXISTS decision_rows
(
    org_id          String COMMENT 'org_…; every id is written as clients see it',
    decision_id     String COMMENT 'dec_…',
    timestamp       DateTime64(6, 'UTC'),
    agent_id        String COMMENT 'as the application gave it',
    agent_uuid      Nullable(UUID),
    environment     LowCardinality(String),
    outcome         LowCardinality(String) COMMENT 'allow, hold or deny',
    reason_code     LowCardinality(String),
    risk            UInt32,
    `hits.policy_id`       Array(String) COMMENT 'pol_…',
    `hits.policy_version`  Array(UInt64),
    `hits.policy_type`     Array(LowCardinality(String)),
    `hits.mode`            Array(LowCardinality(String)),
    `hits.severity`        Array(LowCardinality(String)),
    `hits.evidence`        Array(Array(String)),
    policy_set_hash String COMMENT 'hexadecimal',
    engine_version  LowCardinality(String),
    tools           Array(String),
    estimated_cost_usd Nullable(Decimal(18, 6)),
    input_digest    String COMMENT 'keyed digest, hexadecimal',
    input_length    UInt64,
    action_digest   String COMMENT 'keyed digest, hexadecimal',
    approval_id     Nullable(String) COMMENT 'apr_…',
    key_id          Nullable(String) COMMENT 'key_…',
    person          String COMMENT 'per_…, a pseudonym',
    session_id      String,
    edge            LowCardinality(String),
    evaluation_us   UInt64,
    kill_seq        UInt64 COMMENT 'the pause this decision was evaluated under',
    traceparent     String,
    event_id        UUID,
    stream_seq      UInt64,
    stored_at       DateTime64(6, 'UTC'),
    INDEX by_decision decision_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (org_id, timestamp, decision_id)
SETTINGS non_replicated_deduplication_window = 10000
