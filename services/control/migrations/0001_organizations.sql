create table if not exists organizations (
    org_id                uuid        primary key,
    name                  text        not null,
    on_plan_limit         text        not null default 'govern',
    registration_required boolean     not null default true,
    suspended             boolean     not null default false,
    max_traces_per_month  bigint,
    version               bigint      not null,
    created_at            timestamptz not null
);
alter table organizations enable row level security;
alter table organizations force row level security;
create policy tenant on organizations to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on organizations to control_writer using (true) with check (true);
grant select, insert, update on organizations to control_api, control_writer;
