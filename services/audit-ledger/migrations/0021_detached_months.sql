-- As 0017, and the entry names the month. Where the month that is taken out held such entries itself,
-- what they say is said again: who reads the ledger always finds all that was taken out.
create or replace function detach_month(month date) returns text
    language plpgsql security definer set search_path = ledger, pg_temp as $$
declare
    name text := 'entries_' || to_char(month, 'YYYY_MM');
    one  record;
begin
    if month <> date_trunc('month', month)::date
       or (month + interval '1 month')::timestamp at time zone 'utc' > now() then
        raise exception '% is not the first day of a month that is over', month;
    end if;
    if to_regclass('ledger.' || name) is null then
        raise exception 'there are no entries of %', to_char(month, 'YYYY-MM');
    end if;
    for one in execute format('select org_id, min(seq) as first, max(seq) as last from %I
                               group by org_id', name) loop
        if one.last >= coalesce((select max(c.size) from checkpoints c
                                 where c.org_id = one.org_id), 0) then
            raise exception 'entries of organisation % are not sealed yet', one.org_id;
        end if;
        if one.last >= coalesce((select max(f.covers) from own_facts f
                                 where f.org_id = one.org_id), 0) then
            raise exception 'organisation % has no export of its entries up to %',
                one.org_id, one.last;
        end if;
        insert into own_facts (org_id, type, actor, action, target, outcome)
            values (one.org_id, 'ledger.month_detached.v1', 'system:' || session_user, 'ledger.detach',
                    format('entries:%s-%s of %s', one.first, one.last, to_char(month, 'YYYY-MM')),
                    'succeeded');
    end loop;
    execute format('insert into own_facts (org_id, type, actor, action, target, outcome)
                    select org_id, type, actor, action, target, outcome from %I
                    where type = ''ledger.month_detached.v1'' and actor like ''system:%%''', name);
    execute format('alter table entries detach partition %I', name);
    return name;
end $$;
