-- Signing secrets, sealed. The highest seq is the newest; older ones sign beside it while a secret
-- rotates. Requests may write but not read them.
create table secrets (
    org_id      uuid        not null,
    endpoint_id uuid        not null,
    seq         bigint      generated always as identity,
    key_id      text        not null,
    nonce       bytea       not null,
    sealed      bytea       not null,
    retires_at  timestamptz,
    primary key (org_id, endpoint_id, seq),
    foreign key (org_id, endpoint_id) references endpoints (org_id, id)
);
alter table secrets enable row level security;
alter table secrets force row level security;
create policy tenant on secrets to notifier_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on secrets to notifier_writer using (true) with check (true);
grant insert, delete, update (retires_at) on secrets to notifier_api;
grant select (org_id, endpoint_id, retires_at) on secrets to notifier_api;
grant select on secrets to notifier_writer;
