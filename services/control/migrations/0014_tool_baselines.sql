-- The tools an agent was approved with; version 0 is a row that is being made.
create table if not exists tool_baselines (
    org_id     uuid        not null,
    agent_id   uuid        not null,
    tools      jsonb       not null,
    pinned     boolean     not null,
    reason     text        not null,
    actor      text        not null,
    version    bigint      not null,
    updated_at timestamptz not null,
    primary key (org_id, agent_id)
);
alter table tool_baselines enable row level security;
alter table tool_baselines force row level security;
create policy tenant on tool_baselines to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on tool_baselines to control_writer using (true) with check (true);
grant select, insert, update on tool_baselines to control_api, control_writer;
