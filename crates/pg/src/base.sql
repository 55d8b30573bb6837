-- The tables every service has in its own schema; run by migrate() before the service's own
-- migrations, in a session whose search_path is that schema. {api} and {writer} are its two roles.

-- Facts, written in the same transaction as the rows they change. sent_at is set once the log has
-- acknowledged them; the table is kept as the archive from which a damaged stream is refilled.
create table if not exists events (
    id           bigint generated always as identity primary key,
    event_id     uuid        not null unique,
    org_id       uuid        not null,
    aggregate    text        not null,
    aggregate_id text        not null,
    version      bigint      not null,
    type         text        not null,
    subject      text        not null,
    envelope     bytea       not null,
    occurred_at  timestamptz not null,
    sent_at      timestamptz,
    stream_seq   bigint,
    constraint events_version unique (org_id, aggregate, aggregate_id, version)
);
create index if not exists events_unsent on events (id) where sent_at is null;
alter table events enable row level security;
alter table events force row level security;
drop policy if exists tenant on events;
create policy tenant on events to {api}
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
drop policy if exists loops on events;
create policy loops on events to {writer} using (true) with check (true);
grant select, insert on events to {api};
grant select, insert on events to {writer};
grant update (sent_at, stream_seq) on events to {writer};

-- How far a projection has read, saved in the transaction that applied it. epoch fences out a
-- writer that was replaced.
create table if not exists positions (
    projection     text        not null,
    partition      integer     not null,
    epoch          bigint      not null,
    stream         text,
    stream_created timestamptz,
    seq            bigint,
    event_id       text,
    primary key (projection, partition)
);
grant select, insert, update on positions to {writer};

-- Requests that were carried out under an Idempotency-Key, for a day. key begins with the id of the
-- API key; request is a digest of what was asked, subject what it wrote.
create table if not exists claims (
    org_id     uuid        not null,
    key        text        not null,
    request    bytea       not null,
    subject    uuid        not null,
    claimed_at timestamptz not null default now(),
    primary key (org_id, key)
);
create index if not exists claims_oldest on claims (org_id, claimed_at);
alter table claims enable row level security;
alter table claims force row level security;
drop policy if exists tenant on claims;
create policy tenant on claims to {api}
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
grant select, insert, delete on claims to {api};
