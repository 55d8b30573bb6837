-- Primary data. leaf_bytes are the exact bytes that are hashed, signed over and exported; the
-- columns after salt are an index over them and prove nothing.
create table entries (
    org_id            uuid        not null,
    seq               bigint      not null check (seq >= 0),
    event_id          uuid        not null,
    leaf_bytes        bytea       not null,
    leaf_hash         bytea       not null check (octet_length(leaf_hash) = 32),
    salt              bytea       not null check (octet_length(salt) = 32),
    single_fact       boolean     not null,
    type              text        not null,
    action            text,
    actor             text,
    target            text,
    outcome           text,
    reason_code       text,
    agent_id          text,
    agent_external_id text,
    decision_id       text,
    occurred_at       timestamptz not null,
    recorded_at       timestamptz not null default now(),
    primary key (org_id, seq),
    constraint entries_event unique (org_id, event_id)
);
create index entries_action on entries (org_id, action, seq desc);
create index entries_occurred on entries (org_id, occurred_at);
alter table entries enable row level security;
alter table entries force row level security;
create policy tenant on entries for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on entries to ledger_writer using (true) with check (true);
-- `writ audit verify` reads as the owner.
create policy verification on entries for select to current_user using (true);
grant select on entries to ledger_api;
grant select, insert on entries to ledger_writer;
create trigger append_only before update or delete or truncate on entries
    for each statement execute function refuse_change();
