-- What is known of each agent's metrics. The arrays are in the order of Metric::ALL. Rebuildable
-- from the metered facts.
create table agent_baseline (
    org_id      uuid               not null,
    agent       text               not null,
    environment text               not null,
    mean        double precision[] not null,
    variance    double precision[] not null,
    seen        bigint[]           not null,
    alerting    boolean[]          not null,
    updated_at  timestamptz        not null,
    primary key (org_id, agent, environment)
);
alter table agent_baseline enable row level security;
alter table agent_baseline force row level security;
create policy tenant on agent_baseline to anomaly_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
create policy loops on agent_baseline to anomaly_writer using (true) with check (true);
grant select, insert, update, delete on agent_baseline to anomaly_writer;
