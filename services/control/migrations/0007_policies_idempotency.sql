-- The caller's Idempotency-Key, prefixed with the id of its API key: a repeated create finds the
-- policy it made.
alter table policies add column if not exists idempotency_key text;
create unique index if not exists policies_idempotency on policies (org_id, idempotency_key);
