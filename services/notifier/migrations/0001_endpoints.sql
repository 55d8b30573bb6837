-- Webhook endpoints. version is that of the endpoint's last fact.
create table endpoints (
    id              uuid        not null,
    org_id          uuid        not null,
    seq             bigint      generated always as identity,
    version         bigint      not null,
    url             text        not null,
    description     text        not null,
    topics          text[]      not null,
    state           text        not null check (state in ('enabled', 'disabled', 'deleted')),
    disabled_reason text        not null,
    failing_since   timestamptz,
    created_at      timestamptz not null,
    primary key (org_id, id)
);
create index endpoints_listed on endpoints (org_id, seq desc);
alter table endpoints enable row level security;
alter table endpoints force row level security;
create policy tenant on endpoints to notifier_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on endpoints to notifier_writer using (true) with check (true);
grant select, insert, update on endpoints to notifier_api;
grant select, update on endpoints to notifier_writer;
