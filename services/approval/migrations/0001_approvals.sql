-- One row for each request; an agent nobody registered has the nil id. seq is the order in which they are listed. requester_keys[i] and
-- requester_persons[i] belong together; '' is a person nobody knows. Primary data: the columns
-- down to used_at are what the facts say, the card is what a person decides by and can be erased.
create table approvals (
    org_id                 uuid        not null,
    approval_id            uuid        not null,
    seq                    bigint      generated always as identity,
    agent_id               uuid        not null,
    external_agent_id      text        not null,
    environment            text        not null,
    action_digest          bytea       not null,
    policy_ids             uuid[]      not null,
    policy_set_hash        bytea       not null,
    decision_ids           uuid[]      not null,
    requester_keys         uuid[]      not null,
    requester_persons      text[]      not null,
    requested_at           timestamptz not null,
    expires_at             timestamptz not null,
    status                 text        not null,
    version                bigint      not null,
    decided_by_key         uuid,
    decided_by_person      text,
    decided_at             timestamptz,
    reason_digest          bytea,
    idempotency_key        text,
    grant_event            uuid,
    certificate            text,
    certified_at           timestamptz,
    certificate_expires_at timestamptz,
    use_event              uuid,
    used_at                timestamptz,
    -- the card
    action_context         text,
    violations             text,
    context_missing        boolean     not null,
    reason                 text,
    primary key (org_id, approval_id)
);
create unique index approvals_one_open on approvals
    (org_id, agent_id, external_agent_id, environment, action_digest)
    where status = 'pending';
create index approvals_listed on approvals (org_id, seq desc);
create index approvals_due on approvals (expires_at) where status = 'pending';
create index approvals_unsealed on approvals (org_id, grant_event)
    where status = 'approved' and certificate is null;
alter table approvals enable row level security;
alter table approvals force row level security;
create policy tenant on approvals to approval_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on approvals to approval_writer using (true) with check (true);
grant select, update on approvals to approval_api;
grant select, insert, update on approvals to approval_writer;
