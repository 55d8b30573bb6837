create table work (
    id           bigint generated always as identity primary key,
    name         text        not null,
    due_at       timestamptz not null,
    leased_until timestamptz,
    attempts     integer     not null default 0,
    done_at      timestamptz
);
grant select, insert, update on work to control_writer;
