-- As for policies.
alter table keys drop column if exists idempotency_key;
