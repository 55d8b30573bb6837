-- Where each organisation's chain stands: what the appender needs for the next leaf. It follows
-- from the entries.
create table trees (
    org_id    uuid   primary key,
    size      bigint not null,
    head_hash bytea  not null,
    frontier  bytea  not null
);
alter table trees enable row level security;
alter table trees force row level security;
create policy loops on trees to ledger_writer using (true) with check (true);
grant select, insert, update on trees to ledger_writer;
