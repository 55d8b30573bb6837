create table if not exists policies (
    org_id            uuid        not null,
    policy_id         uuid        not null,
    name              text        not null,
    description       text,
    policy_type       text        not null,
    enforcement_mode  text        not null,
    rule_definition   jsonb       not null,
    applies_to_agents uuid[]      not null,
    is_active         boolean     not null,
    evaluation_order  integer     not null,
    severity          text        not null,
    on_error          text,
    deleted           boolean     not null,
    version           bigint      not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    primary key (org_id, policy_id)
);
alter table policies enable row level security;
alter table policies force row level security;
create policy tenant on policies to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on policies to control_writer using (true) with check (true);
grant select, insert, update on policies to control_api, control_writer;
