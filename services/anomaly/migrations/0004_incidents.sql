-- What a person has to look at. seq is the order in which incidents are listed; moved_at is when
-- somebody last changed the state, and occurrences up to then do not open it again.
create table incidents (
    id          uuid        not null,
    org_id      uuid        not null,
    seq         bigint      generated always as identity,
    kind        text        not null,
    agent       text        not null,
    agent_uuid  uuid,
    environment text        not null,
    policy_id   uuid,
    subject     text        not null,
    decision_id uuid,
    severity    text        not null,
    state       text        not null,
    occurrences bigint      not null,
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    moved_at    timestamptz,
    moved_by    text        not null default '',
    note        text        not null default '',
    version     bigint      not null,
    primary key (org_id, id)
);
create index incidents_listed on incidents (org_id, seq desc);
alter table incidents enable row level security;
alter table incidents force row level security;
create policy tenant on incidents to anomaly_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on incidents to anomaly_writer using (true) with check (true);
grant select on incidents to anomaly_api;
grant update (state, note, moved_at, moved_by, version) on incidents to anomaly_api;
grant select, insert, update on incidents to anomaly_writer;
