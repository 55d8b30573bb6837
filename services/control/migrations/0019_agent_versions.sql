-- Snapshots of an agent; the head of an agent says which of them is active.
create table if not exists agent_versions (
    org_id     uuid        not null,
    agent_id   uuid        not null,
    number     integer     not null,
    label      text,
    notes      text,
    metadata   jsonb       not null,
    snapshot   jsonb       not null,
    actor      text        not null,
    created_at timestamptz not null,
    primary key (org_id, agent_id, number)
);
create table if not exists agent_version_heads (
    org_id   uuid    not null,
    agent_id uuid    not null,
    latest   integer not null,
    active   integer,
    version  bigint  not null,
    primary key (org_id, agent_id)
);
alter table agent_versions enable row level security;
alter table agent_versions force row level security;
alter table agent_version_heads enable row level security;
alter table agent_version_heads force row level security;
create policy tenant on agent_versions to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on agent_versions to control_writer using (true) with check (true);
create policy tenant on agent_version_heads to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on agent_version_heads to control_writer using (true) with check (true);
grant select, insert on agent_versions to control_api, control_writer;
grant select, insert, update on agent_version_heads to control_api, control_writer;
