alter table members add column if not exists teams text[] not null default '{}';
alter table agents add column if not exists teams text[] not null default '{}';
