create table if not exists agents (
    org_id                      uuid        not null,
    agent_id                    uuid        not null,
    external_id                 text        not null,
    name                        text        not null,
    environment                 text        not null,
    agent_type                  text        not null,
    platform                    text        not null,
    description                 text,
    owner_email                 text,
    allowed_data_sources        text[]      not null,
    allowed_actions             text[]      not null,
    requires_human_approval_for text[]      not null,
    tags                        text[]      not null,
    metadata                    jsonb       not null,
    autonomy_level              text,
    owners                      text[]      not null,
    paused                      boolean     not null,
    pause_reason                text        not null,
    kill_version                bigint      not null,
    archived                    boolean     not null,
    version                     bigint      not null,
    created_at                  timestamptz not null,
    updated_at                  timestamptz not null,
    last_seen_at                timestamptz,
    primary key (org_id, agent_id),
    unique (org_id, external_id, environment)
);
alter table agents enable row level security;
alter table agents force row level security;
create policy tenant on agents to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on agents to control_writer using (true) with check (true);
grant select, insert, update on agents to control_api, control_writer;
