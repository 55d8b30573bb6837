-- Sign-ins that were stated, as codes, until the last token of their session is over.
create table if not exists sign_ins (
    org_id         uuid        not null,
    session        bytea       not null,
    believed_until timestamptz not null,
    primary key (org_id, session)
);
create index if not exists sign_ins_oldest on sign_ins (believed_until);
alter table sign_ins enable row level security;
alter table sign_ins force row level security;
create policy tenant on sign_ins to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on sign_ins to control_writer using (true) with check (true);
grant select, insert, update on sign_ins to control_api;
grant select, delete on sign_ins to control_writer;
