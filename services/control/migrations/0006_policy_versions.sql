-- What each version of a policy said; a decision names the version it was made under.
create table if not exists policy_versions (
    org_id     uuid        not null,
    policy_id  uuid        not null,
    version    bigint      not null,
    policy     jsonb       not null,
    actor      text        not null,
    created_at timestamptz not null,
    primary key (org_id, policy_id, version)
);
alter table policy_versions enable row level security;
alter table policy_versions force row level security;
create policy tenant on policy_versions to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on policy_versions to control_writer using (true) with check (true);
grant select, insert on policy_versions to control_api, control_writer;
