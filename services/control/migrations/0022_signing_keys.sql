-- Keys of the deployment, not of an organisation: all rows belong to the nil one.
create table if not exists signing_keys (
    org_id         uuid        not null,
    kid            text        not null,
    algorithm      text        not null,
    jwk            text        not null,
    key_id         text        not null,
    nonce          bytea       not null,
    sealed         bytea       not null,
    made_at        timestamptz not null,
    believed_until timestamptz,
    version        bigint      not null,
    primary key (org_id, kid)
);
alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy tenant on signing_keys to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on signing_keys to control_writer using (true) with check (true);
grant select, insert, update on signing_keys to control_api, control_writer;
