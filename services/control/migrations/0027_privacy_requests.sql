-- Requests of data subjects. The subject's names stand here and nowhere else until an erasure
-- deletes them; facts know digests. `awaiting` are the services that still have to erase.
create table if not exists privacy_requests (
    org_id      uuid        not null,
    request_id  uuid        not null,
    kind        text        not null,
    names       text[]      not null,
    note        text,
    hold        text,
    person_id   uuid,
    digests     bytea[]     not null,
    state       text        not null,
    awaiting    text[]      not null,
    due         text        not null,
    received_at timestamptz not null,
    due_at      timestamptz not null,
    closed_at   timestamptz,
    version     bigint      not null,
    primary key (org_id, request_id)
);
create index if not exists privacy_requests_due on privacy_requests (due_at) where state = 'open';
alter table privacy_requests enable row level security;
alter table privacy_requests force row level security;
create policy tenant on privacy_requests to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on privacy_requests to control_writer using (true) with check (true);
grant select, insert, update on privacy_requests to control_api, control_writer;
