-- Idempotency-Keys are in the table claims, for every kind of request.
alter table approvals drop column if exists idempotency_key;
