-- The only place that says who a `per_` id is. Deleting a row is the erasure of that person.
create table if not exists people (
    org_id     uuid        not null,
    person_id  uuid        not null,
    name       text        not null,
    email      text,
    created_at timestamptz not null,
    primary key (org_id, person_id)
);
alter table people enable row level security;
alter table people force row level security;
create policy tenant on people to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on people to control_writer using (true) with check (true);
grant select, insert, update, delete on people to control_api, control_writer;
