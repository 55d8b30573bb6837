-- The trace of the act that was held, which everything that becomes of it belongs to.
alter table approvals add column if not exists traceparent text not null default '';
