-- One leaf for each interval in which some tree grew: the root over the heads (checkpoints with
-- this global_index, by org_id); and the signed head of the global tree after it.
create table global_log (
    index         bigint      primary key check (index >= 0),
    interval_root bytea       not null check (octet_length(interval_root) = 32),
    root          bytea       not null check (octet_length(root) = 32),
    note          text        not null,
    frontier      bytea       not null,
    created_at    timestamptz not null default now()
);
grant select on global_log to ledger_api;
grant select, insert on global_log to ledger_writer;
create trigger append_only before update or delete or truncate on global_log
    for each statement execute function refuse_change();
