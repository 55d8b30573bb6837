create table things (
    org_id uuid not null,
    id     uuid not null,
    name   text not null,
    primary key (org_id, id)
);
alter table things enable row level security;
alter table things force row level security;
create policy tenant on things to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on things to control_writer using (true) with check (true);
grant select, insert, update, delete on things to control_api, control_writer;
