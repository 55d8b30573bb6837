-- How many entries of a day (UTC, by when it happened) count as a piece of evidence, for reports
-- about controls. It follows from the facts and proves nothing: a reader looks at the entries.
create table if not exists evidence_days (
    org_id    uuid   not null,
    day       date   not null,
    word      text   not null,
    count     bigint not null,
    first_seq bigint not null,
    last_seq  bigint not null,
    primary key (org_id, day, word)
);
alter table evidence_days enable row level security;
alter table evidence_days force row level security;
create policy tenant on evidence_days for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on evidence_days to ledger_writer using (true) with check (true);
grant select on evidence_days to ledger_api;
grant select, insert, update on evidence_days to ledger_writer;
