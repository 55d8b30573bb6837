create table if not exists keys (
    org_id             uuid        not null,
    key_id             uuid        not null,
    name               text        not null,
    prefix             text        not null,
    public_id          text        not null unique,
    secret_hash        text        not null,
    mac                bytea       not null,
    role               text        not null,
    person_id          uuid        not null,
    test               boolean     not null,
    expires_at         timestamptz,
    revoked_at         timestamptz,
    cidrs              text[]      not null,
    environments       text[]      not null,
    signature_required boolean     not null,
    version            bigint      not null,
    created_at         timestamptz not null,
    primary key (org_id, key_id)
);
alter table keys enable row level security;
alter table keys force row level security;
create policy tenant on keys to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on keys to control_writer using (true) with check (true);
grant select, insert, update on keys to control_api, control_writer;
