create table if not exists issuers (
    org_id             uuid        not null,
    issuer_id          uuid        not null,
    name               text        not null,
    issuer             text        not null,
    audiences          text[]      not null,
    authorized_parties text[]      not null,
    algorithms         text[]      not null,
    email              text        not null,
    roles_claim        text        not null,
    scopes_claim       text        not null,
    member_roles       jsonb       not null,
    keys               jsonb       not null,
    keys_read_at       timestamptz not null,
    keys_until         timestamptz not null,
    deleted            boolean     not null,
    version            bigint      not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    primary key (org_id, issuer_id)
);
create unique index if not exists issuers_issuer on issuers (org_id, issuer) where not deleted;
create index if not exists issuers_due on issuers (keys_read_at) where not deleted;
alter table issuers enable row level security;
alter table issuers force row level security;
create policy tenant on issuers to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on issuers to control_writer using (true) with check (true);
grant select, insert, update on issuers to control_api, control_writer;
alter table people
    add column if not exists issuer_id uuid,
    add column if not exists subject text;
create unique index if not exists people_subject on people (org_id, issuer_id, subject)
    where subject is not null;
