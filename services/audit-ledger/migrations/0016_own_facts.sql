-- What the ledger itself has to record: exports, months taken out, keys changed, streams found short.
-- The writer makes entries of them. covers is the size an export went up to.
create table own_facts (
    event_id     uuid        primary key default gen_random_uuid(),
    org_id       uuid        not null,
    type         text        not null,
    actor        text        not null,
    action       text        not null,
    target       text        not null,
    aggregate_id text,
    outcome      text        not null,
    reason_code  text,
    covers       bigint,
    occurred_at  timestamptz not null default now(),
    recorded     boolean     not null default false
);
create index own_facts_waiting on own_facts (occurred_at) where not recorded;
create index own_facts_covers on own_facts (org_id, covers) where covers is not null;
alter table own_facts enable row level security;
alter table own_facts force row level security;
create policy tenant on own_facts for insert to ledger_api
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on own_facts to ledger_writer using (true) with check (true);
create policy operation on own_facts to current_user using (true) with check (true);
grant insert on own_facts to ledger_api;
grant select, insert on own_facts to ledger_writer;
grant update (recorded) on own_facts to ledger_writer;
