create table if not exists grants (
    org_id          uuid        not null,
    grant_id        uuid        not null,
    agent_id        uuid        not null,
    target_agent_id uuid        not null,
    allowed_actions text[]      not null,
    expires_at      timestamptz,
    revoked_at      timestamptz,
    version         bigint      not null,
    created_at      timestamptz not null,
    primary key (org_id, grant_id)
);
create index if not exists grants_agent on grants (org_id, agent_id) where revoked_at is null;
create index if not exists grants_target on grants (org_id, target_agent_id) where revoked_at is null;
alter table grants enable row level security;
alter table grants force row level security;
create policy tenant on grants to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on grants to control_writer using (true) with check (true);
grant select, insert, update on grants to control_api, control_writer;
