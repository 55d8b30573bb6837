-- Where a version was deployed once and is no more. What was withdrawn before this column is not known to it: going
-- back there is a deployment like any other.
alter table prompts
    add column if not exists was_in text[] not null default '{}',
    add column if not exists last_deployment jsonb,
    drop column if exists was_deployed;
