-- Keyed digest of the person the act is for, as the decision has it: what an erasure finds a card by.
alter table approvals add column if not exists subject bytea;
