-- Accepted traces, one row for each span. A repeat or a redelivery of the same identity
-- (org_id, trace_id, span_id) is a second row until a merge; read the view `traces`, which never
-- shows it. The first one received stays.
CREATE TABLE IF NOT EXISTS trace_rows
(
    org_id          String COMMENT 'org_…; every id is written as clients see it',
    trace_id        String,
    span_id         String COMMENT 'metadata.spanId; empty when there is none',
    parent_span_id  String,
    parent_trace_id String,
    agent_id        String COMMENT 'as the application gave it',
    agent_uuid      Nullable(UUID) COMMENT 'the registered agent, when one is known',
    environment     LowCardinality(String),
    session_id      String,
    user_id         String,
    timestamp       DateTime64(3, 'UTC') COMMENT 'start, as the application gave it',
    duration_ms     Nullable(UInt64),
    status          LowCardinality(String),
    span_kind       LowCardinality(String),
    span_name       String,
    span_type       String,
    tool_name       String,
    model_name      LowCardinality(String),
    prompt_tokens     Nullable(UInt64),
    completion_tokens Nullable(UInt64),
    total_tokens      Nullable(UInt64),
    cost_usd        Nullable(Decimal(18, 9)),
    error_type      String,
    error_message   String,
    input           String COMMENT 'JSON text; empty when absent',
    output          String COMMENT 'JSON text; empty when absent',
    tags            Array(String),
    metadata        String COMMENT 'JSON text, untouched; empty when absent',
    effect_evidence String COMMENT 'JSON text; empty when absent',
    extra           String COMMENT 'fields this version does not know, as a JSON object; empty when none',
    decision_id     Nullable(String) COMMENT 'dec_…, from metadata.enforcement.source',
    decision_link   LowCardinality(String) COMMENT 'exact or none',
    identity        LowCardinality(String) COMMENT 'unverified when the trace carried an agent credential; empty otherwise',
    origin          LowCardinality(String) COMMENT 'rest, grpc or nats',
    key_id          Nullable(String) COMMENT 'key_…',
    received_at     DateTime64(6, 'UTC'),
    event_id        UUID,
    earliness       UInt64 MATERIALIZED 18446744073709551615 - toUInt64(toUnixTimestamp64Micro(received_at)),
    INDEX by_time timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(earliness)
PARTITION BY toYYYYMM(received_at)
ORDER BY (org_id, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000
