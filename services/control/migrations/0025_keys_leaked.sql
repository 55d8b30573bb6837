alter table keys add column if not exists leaked boolean not null default false;
