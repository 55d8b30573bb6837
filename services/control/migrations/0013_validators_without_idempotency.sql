-- As for policies.
alter table validators drop column if exists idempotency_key;
