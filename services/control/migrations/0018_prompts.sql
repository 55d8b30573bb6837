-- Versions of the prompts of agents. An agent has at most one deployed version in an environment.
create table if not exists prompts (
    org_id       uuid        not null,
    prompt_id    uuid        not null,
    agent_id     uuid        not null,
    number       integer     not null,
    content      jsonb       not null,
    environments text[]      not null,
    was_deployed boolean     not null,
    status       text        not null,
    pending      jsonb,
    approval_id  uuid,
    actor        text        not null,
    version      bigint      not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    primary key (org_id, prompt_id),
    unique (org_id, agent_id, number)
);
create unique index if not exists prompts_pending on prompts (org_id, approval_id) where approval_id is not null;
alter table prompts enable row level security;
alter table prompts force row level security;
create policy tenant on prompts to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on prompts to control_writer using (true) with check (true);
grant select, insert, update on prompts to control_api, control_writer;
