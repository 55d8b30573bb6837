-- Who is behind a trace, beside `user_id` and `session_id`: as the trace says it, else its metadata.
ALTER TABLE trace_rows
    ADD COLUMN IF NOT EXISTS tier LowCardinality(String) COMMENT 'interactive, subagent, background or api; empty when not said',
    ADD COLUMN IF NOT EXISTS delegation_chain Array(String) COMMENT 'agents it was handed down by, the first delegator first; at most 16',
    ADD COLUMN IF NOT EXISTS parent_decision_id Nullable(String) COMMENT 'dec_…, the decision that allowed the delegation'
