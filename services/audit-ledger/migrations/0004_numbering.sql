-- The last number seen of each source that numbers densely: an emitter's incarnation or a
-- versioned aggregate. A hole becomes an entry; an incarnation that was never closed has an
-- unknown tail.
create table numbering (
    org_id uuid    not null,
    source text    not null,
    last   bigint  not null,
    closed boolean not null default false,
    primary key (org_id, source)
);
create index numbering_source on numbering (source) where not closed;
alter table numbering enable row level security;
alter table numbering force row level security;
create policy loops on numbering to ledger_writer using (true) with check (true);
grant select, insert, update on numbering to ledger_writer;
