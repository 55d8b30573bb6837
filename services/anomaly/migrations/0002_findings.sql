-- One row for each finding; seq is the order in which they are listed.
create table findings (
    id           uuid             not null,
    org_id       uuid             not null,
    seq          bigint           generated always as identity,
    agent        text             not null,
    environment  text             not null,
    metric       text             not null,
    value        double precision not null,
    expected     double precision not null,
    score        double precision not null,
    severity     text             not null,
    window_start timestamptz      not null,
    window_end   timestamptz      not null,
    primary key (org_id, id)
);
create index findings_listed on findings (org_id, seq desc);
alter table findings enable row level security;
alter table findings force row level security;
create policy tenant on findings to anomaly_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on findings to anomaly_writer using (true) with check (true);
grant select on findings to anomaly_api;
grant select, insert on findings to anomaly_writer;
