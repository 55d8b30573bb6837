-- Entries by the month they were recorded in (UTC). A month that is over may be detached once it was
-- exported; proofs go on, because they rest on places and tiles.
alter table entries rename to entries_whole;
create table entries (like entries_whole including defaults including constraints)
    partition by range (recorded_at);

create function make_partition(month date) returns void
    language plpgsql security definer set search_path = ledger, pg_temp as $$
declare
    name  text := 'entries_' || to_char(month, 'YYYY_MM');
    begins timestamptz := month::timestamp at time zone 'utc';
    ends   timestamptz := (month + interval '1 month')::timestamp at time zone 'utc';
begin
    if to_regclass('ledger.' || name) is not null then
        return;
    end if;
    execute format('create table %I partition of entries for values from (%L) to (%L)',
                   name, begins, ends);
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy verification on %I for select to current_user using (true)', name);
    execute format('create trigger append_only before update or delete or truncate on %I
                    for each statement execute function refuse_change()', name);
end $$;
create function make_partitions() returns void
    language plpgsql security definer set search_path = ledger, pg_temp as $$
begin
    for ahead in 0..2 loop
        perform make_partition((date_trunc('month', now() at time zone 'utc')
                                + make_interval(months => ahead))::date);
    end loop;
end $$;
revoke all on function make_partition(date), make_partitions() from public;
grant execute on function make_partitions() to ledger_writer;

do $$
declare
    month date;
begin
    for month in select distinct date_trunc('month', recorded_at at time zone 'utc')::date
                 from entries_whole loop
        perform make_partition(month);
    end loop;
    perform make_partitions();
end $$;
insert into entries select * from entries_whole;
drop table entries_whole;

alter table entries add primary key (org_id, seq, recorded_at);
create index entries_action on entries (org_id, action, seq desc);
create index entries_occurred on entries (org_id, occurred_at);
create index entries_decision on entries (decision_id) where decision_id is not null;
create index entries_emitter on entries (org_id, emitter, occurred_at, emitter_seq)
    where emitter is not null;
create index entries_window on entries (org_id, window_to) where window_to is not null;
alter table entries enable row level security;
alter table entries force row level security;
create policy tenant on entries for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on entries to ledger_writer using (true) with check (true);
create policy verification on entries for select to current_user using (true);
grant select on entries to ledger_api;
grant select, insert on entries to ledger_writer;
create trigger append_only before update or delete or truncate on entries
    for each statement execute function refuse_change();
