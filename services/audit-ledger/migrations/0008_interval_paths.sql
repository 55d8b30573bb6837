-- Where a head stands among those of its interval, and the hashes that lead from it to the
-- interval's root: a receipt shows them, and they tell nothing of other organisations. Null for
-- heads sealed before there were receipts.
alter table checkpoints
    add column interval_index integer,
    add column interval_size  integer,
    add column interval_path  bytea;
