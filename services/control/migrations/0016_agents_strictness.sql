alter table agents
    add column if not exists outcome_strictness text not null default 'standard',
    add column if not exists capabilities text[] not null default '{}';
