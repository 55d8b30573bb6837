create table if not exists members (
    org_id     uuid        not null,
    person_id  uuid        not null,
    role       text        not null,
    approver   boolean     not null,
    removed_at timestamptz,
    version    bigint      not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, person_id)
);
-- People from before there were members hold keys: the highest of those is what they may do. The
-- owner of the tables reads all rows only while row security is not forced on it.
alter table people no force row level security;
alter table keys no force row level security;
insert into members (org_id, person_id, role, approver, version, created_at, updated_at)
    select p.org_id, p.person_id,
           coalesce((select k.role from keys k
                     where k.org_id = p.org_id and k.person_id = p.person_id and k.revoked_at is null
                     order by array_position(array['owner', 'admin', 'developer', 'viewer'], k.role)
                     limit 1), 'viewer'),
           false, 0, p.created_at, p.created_at
    from people p
    on conflict do nothing;
alter table people force row level security;
alter table keys force row level security;
alter table members enable row level security;
alter table members force row level security;
create policy tenant on members to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on members to control_writer using (true) with check (true);
grant select, insert, update on members to control_api, control_writer;
