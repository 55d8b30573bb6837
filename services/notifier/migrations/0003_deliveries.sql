-- One row for each event and endpoint: the queue and the record of what became of it.
create table deliveries (
    id           bigint      generated always as identity primary key,
    org_id       uuid        not null,
    endpoint_id  uuid        not null,
    event_id     text        not null,
    topic        text        not null,
    body         text        not null,
    status       text        not null default 'pending'
                 check (status in ('pending', 'delivered', 'failed', 'cancelled')),
    due_at       timestamptz not null,
    leased_until timestamptz,
    attempts     integer     not null default 0,
    done_at      timestamptz,
    last_status  integer,
    last_error   text,
    created_at   timestamptz not null,
    unique (org_id, endpoint_id, event_id),
    foreign key (org_id, endpoint_id) references endpoints (org_id, id)
);
create index deliveries_due on deliveries (endpoint_id, due_at) where done_at is null;
create index deliveries_listed on deliveries (org_id, endpoint_id, id desc);
alter table deliveries enable row level security;
alter table deliveries force row level security;
create policy tenant on deliveries to notifier_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on deliveries to notifier_writer using (true) with check (true);
grant select, update on deliveries to notifier_api;
grant select, insert, update on deliveries to notifier_writer;
