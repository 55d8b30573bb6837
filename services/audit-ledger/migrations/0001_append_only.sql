-- Refuses to change what was recorded, whoever asks. Statement triggers fire on TRUNCATE too, and
-- also when a row policy hides every row. An administrator can drop them: only the signed
-- checkpoints show that.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on %: the ledger is append-only', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end $$;
