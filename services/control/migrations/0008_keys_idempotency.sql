-- As for policies.
alter table keys add column if not exists idempotency_key text;
create unique index if not exists keys_idempotency on keys (org_id, idempotency_key);
