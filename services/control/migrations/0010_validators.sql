-- The secret is sealed for its validator and its organisation; it is empty once that is deleted.
create table if not exists validators (
    org_id          uuid        not null,
    validator_id    uuid        not null,
    name            text        not null,
    url             text        not null,
    timeout_ms      integer     not null,
    fail_mode       text        not null,
    key_id          text        not null,
    nonce           bytea       not null,
    sealed          bytea       not null,
    deleted         boolean     not null,
    version         bigint      not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    idempotency_key text,
    primary key (org_id, validator_id)
);
create unique index if not exists validators_idempotency on validators (org_id, idempotency_key);
alter table validators enable row level security;
alter table validators force row level security;
create policy tenant on validators to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on validators to control_writer using (true) with check (true);
grant select, insert, update on validators to control_api, control_writer;
