-- Full tiles of every tree (256 hashes; the global log under the nil organisation), so that a proof
-- reads a few rows however long the log is, and none of entries. They follow from the entries.
create table tiles (
    org_id uuid     not null,
    level  smallint not null check (level >= 0),
    index  bigint   not null check (index >= 0),
    root   bytea    not null check (octet_length(root) = 32),
    hashes bytea    not null check (octet_length(hashes) = 8192),
    primary key (org_id, level, index)
);
alter table tiles enable row level security;
alter table tiles force row level security;
create policy tenant on tiles for select to ledger_api
    using (org_id in (nullif(current_setting('app.current_org_id', true), '')::uuid,
                      '00000000-0000-0000-0000-000000000000'));
create policy loops on tiles to ledger_writer using (true) with check (true);
create policy verification on tiles for select to current_user using (true);
grant select on tiles to ledger_api;
grant select, insert on tiles to ledger_writer;
create trigger append_only before update or delete or truncate on tiles
    for each statement execute function refuse_change();
