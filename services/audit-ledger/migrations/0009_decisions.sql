-- The entries that speak of a decision. Whether another organisation's ledger has it is all that is
-- told outside of the row policies: a decision that is nowhere may still be on its way.
create index entries_decision on entries (decision_id) where decision_id is not null;
create function decision_is_recorded(wanted text) returns boolean
    language sql stable security definer set search_path = ledger, pg_temp as $$
    select exists (select from entries where decision_id = wanted)
$$;
revoke all on function decision_is_recorded(text) from public;
grant execute on function decision_is_recorded(text) to ledger_api;
