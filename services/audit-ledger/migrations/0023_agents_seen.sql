-- Which agents entries speak of: by which UUID (empty: nobody was registered), name and, where an
-- entry says it, environment. Entries before do not say an environment.
create table if not exists agents_seen (
    org_id      uuid not null,
    agent_id    text not null,
    external_id text not null,
    environment text not null default '',
    primary key (org_id, agent_id, external_id)
);
create index agents_seen_name on agents_seen (org_id, external_id);
insert into agents_seen (org_id, agent_id, external_id)
    select distinct org_id, coalesce(agent_id, ''), coalesce(agent_external_id, '') from entries
    where agent_id is not null or agent_external_id is not null;
alter table agents_seen enable row level security;
alter table agents_seen force row level security;
create policy tenant on agents_seen for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on agents_seen to ledger_writer using (true) with check (true);
grant select on agents_seen to ledger_api;
grant select, insert on agents_seen to ledger_writer;
grant update (environment) on agents_seen to ledger_writer;
