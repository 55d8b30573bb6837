-- How many traces were received on days whose rows are deleted by now: usage is counted by month.
CREATE TABLE IF NOT EXISTS trace_days
(
    org_id String COMMENT 'org_…',
    day    Date COMMENT 'UTC',
    traces UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (org_id, day)
