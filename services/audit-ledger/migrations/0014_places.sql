-- Which fact stands where, and its hash: what proofs and the "once each" rest on. It stays when the
-- entries of a month are taken out.
create table places (
    org_id    uuid   not null,
    seq       bigint not null check (seq >= 0),
    event_id  uuid   not null,
    leaf_hash bytea  not null check (octet_length(leaf_hash) = 32),
    primary key (org_id, seq),
    constraint places_event unique (org_id, event_id)
);
insert into places (org_id, seq, event_id, leaf_hash)
    select org_id, seq, event_id, leaf_hash from entries;
alter table places enable row level security;
alter table places force row level security;
create policy tenant on places for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on places to ledger_writer using (true) with check (true);
create policy verification on places for select to current_user using (true);
grant select on places to ledger_api;
grant select, insert on places to ledger_writer;
create trigger append_only before update or delete or truncate on places
    for each statement execute function refuse_change();
