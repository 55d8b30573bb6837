-- For whom an export was taken, and in which trace: as every other entry says it.
alter table own_facts add column if not exists on_behalf_of text[] not null default '{}',
                      add column if not exists traceparent  text   not null default '';
