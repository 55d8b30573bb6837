alter table organizations
    add column if not exists tiered_governance boolean not null default true,
    add column if not exists version_registry boolean not null default true,
    add column if not exists prompt_approval boolean not null default false,
    add column if not exists credential_required boolean not null default false,
    add column if not exists plan text not null default '',
    add column if not exists retention_days integer,
    add column if not exists max_agents bigint,
    add column if not exists max_policies bigint,
    add column if not exists max_users bigint;
