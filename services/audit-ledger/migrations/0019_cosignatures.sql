-- What each witness cosigned last of the global log, and its signature line. The witnesses keep the
-- same themselves, so a row is replaced by the next.
create table cosignatures (
    witness   text        primary key,
    size      bigint      not null check (size > 0),
    line      text        not null,
    signed_at timestamptz not null
);
grant select on cosignatures to ledger_api;
grant select, insert, update on cosignatures to ledger_writer;
