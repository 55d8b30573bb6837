alter table policies add column if not exists exceptions jsonb not null default '[]';
