-- When each emitter was last heard of, by any organisation: an id of a process and a time, nothing of
-- a tenant. And an organisation may see how far its own numbers go.
create table emitters (
    source  text        primary key,
    last_at timestamptz not null
);
grant select on emitters to ledger_api;
grant select, insert, update on emitters to ledger_writer;
create policy tenant on numbering for select to ledger_api
    using (org_id = nullif(current_setting('app.current_org_id', true), '')::uuid);
grant select on numbering to ledger_api;
