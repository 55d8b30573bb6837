-- Checkpoint keys in the order they came into use.
create table signing_keys (
    key        text        primary key,
    first_used timestamptz not null default now()
);
grant select, insert on signing_keys to ledger_writer;
