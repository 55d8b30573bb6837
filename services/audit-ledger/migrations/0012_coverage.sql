-- What coverage is counted from: who numbered an entry, and the time a report is about.
alter table entries
    add column emitter      text,
    add column emitter_seq  bigint,
    add column window_from  timestamptz,
    add column window_to    timestamptz,
    add column window_count bigint;
create index entries_emitter on entries (org_id, emitter, occurred_at, emitter_seq)
    where emitter is not null;
create index entries_window on entries (org_id, window_to) where window_to is not null;
