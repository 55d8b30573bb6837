-- Idempotency-Keys are in the table claims, for every kind of request.
alter table policies drop column if exists idempotency_key;
