create table if not exists delegations (
    org_id        uuid        not null,
    delegation_id uuid        not null,
    agent_id      uuid        not null,
    to_agent_id   uuid        not null,
    chain         jsonb       not null,
    scopes        text[]      not null,
    expires_at    timestamptz not null,
    revoked_at    timestamptz,
    version       bigint      not null,
    created_at    timestamptz not null,
    primary key (org_id, delegation_id)
);
create index if not exists delegations_agent on delegations (org_id, agent_id) where revoked_at is null;
create index if not exists delegations_to on delegations (org_id, to_agent_id) where revoked_at is null;
alter table delegations enable row level security;
alter table delegations force row level security;
create policy tenant on delegations to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on delegations to control_writer using (true) with check (true);
grant select, insert, update on delegations to control_api, control_writer;
