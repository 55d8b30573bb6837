-- What a versioned fact said holds from then on (a policy of a type in force, a setting switched
-- on), and the entry it became.
create table if not exists standing (
    org_id  uuid        not null,
    subject text        not null,
    version bigint      not null,
    seq     bigint      not null,
    at      timestamptz not null,
    holds   text[]      not null,
    primary key (org_id, subject, version)
);
alter table standing enable row level security;
alter table standing force row level security;
create policy tenant on standing for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on standing to ledger_writer using (true) with check (true);
grant select on standing to ledger_api;
grant select, insert on standing to ledger_writer;
