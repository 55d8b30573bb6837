-- The window that may still grow: start and length in microseconds, traces, errors, cost in
-- millionths of a dollar, milliseconds together; null when there is none.
alter table agent_baseline add column if not exists open_window bigint[];
