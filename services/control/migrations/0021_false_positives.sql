-- Decisions in which somebody said that a policy should not have hit.
create table if not exists false_positives (
    org_id      uuid        not null,
    policy_id   uuid        not null,
    decision_id uuid        not null,
    reason      text        not null,
    actor       text        not null,
    created_at  timestamptz not null,
    primary key (org_id, policy_id, decision_id)
);
alter table false_positives enable row level security;
alter table false_positives force row level security;
create policy tenant on false_positives to control_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on false_positives to control_writer using (true) with check (true);
grant select, insert on false_positives to control_api, control_writer;
