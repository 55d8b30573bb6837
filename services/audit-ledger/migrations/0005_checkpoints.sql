-- Every signed head of an organisation's tree; version is the dense number of its `sealed` fact.
-- frontier and head_hash let the next one be computed from entries read back, not from memory.
create table checkpoints (
    org_id       uuid        not null,
    size         bigint      not null check (size > 0),
    version      bigint      not null,
    root         bytea       not null check (octet_length(root) = 32),
    note         text        not null,
    head_hash    bytea       not null,
    frontier     bytea       not null,
    global_index bigint      not null,
    created_at   timestamptz not null default now(),
    primary key (org_id, size),
    constraint checkpoints_version unique (org_id, version)
);
create index checkpoints_interval on checkpoints (global_index, org_id);
alter table checkpoints enable row level security;
alter table checkpoints force row level security;
create policy tenant on checkpoints for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on checkpoints to ledger_writer using (true) with check (true);
create policy verification on checkpoints for select to current_user using (true);
grant select on checkpoints to ledger_api;
grant select, insert on checkpoints to ledger_writer;
create trigger append_only before update or delete or truncate on checkpoints
    for each statement execute function refuse_change();
