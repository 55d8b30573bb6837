-- Which request a held decision waits for; what is here has been read from the gate before.
create table held_decisions (
    org_id      uuid not null,
    decision_id uuid not null,
    approval_id uuid not null,
    primary key (org_id, decision_id),
    foreign key (org_id, approval_id) references approvals (org_id, approval_id)
);
alter table held_decisions enable row level security;
alter table held_decisions force row level security;
create policy loops on held_decisions to approval_writer using (true) with check (true);
grant select, insert on held_decisions to approval_writer;
