-- Whom a policy applies to beyond its agents, what it waits for, and its author's own notes.
alter table policies
    add column if not exists selectors     jsonb  not null default '{}',
    add column if not exists prerequisites uuid[] not null default '{}',
    add column if not exists chain_trigger text   not null default 'all_passed',
    add column if not exists metadata      jsonb;
