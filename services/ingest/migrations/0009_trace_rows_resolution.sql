-- Resolutions are records of the same stream and table, each with an identity of its own.
ALTER TABLE trace_rows
    ADD COLUMN IF NOT EXISTS resolution String COMMENT 'JSON text of what became of the act, learnt later; empty on a span',
    ADD COLUMN IF NOT EXISTS input_digest String COMMENT 'keyed digest of the input as a decision has it, hexadecimal; empty when it is no text'
