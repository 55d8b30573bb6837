-- Who is behind a decision, as its fact says it.
ALTER TABLE decision_rows
    ADD COLUMN IF NOT EXISTS phase LowCardinality(String) COMMENT 'pre or post the act; empty is pre',
    ADD COLUMN IF NOT EXISTS tier LowCardinality(String) COMMENT 'interactive, subagent, background or api; empty when not said',
    ADD COLUMN IF NOT EXISTS user_digest String COMMENT 'keyed digest of the person the act is for, hexadecimal; empty when nobody was named',
    ADD COLUMN IF NOT EXISTS user_verified Bool,
    ADD COLUMN IF NOT EXISTS delegation_chain Array(String) COMMENT 'agents it was handed down by, the first delegator first; at most 16',
    ADD COLUMN IF NOT EXISTS delegation_depth UInt32 COMMENT 'length of the whole chain',
    ADD COLUMN IF NOT EXISTS delegation_verified Bool,
    ADD COLUMN IF NOT EXISTS parent_decision_id Nullable(String) COMMENT 'dec_…, the decision that allowed the delegation'
