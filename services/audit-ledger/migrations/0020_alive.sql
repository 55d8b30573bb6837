-- When an emitter last said that it lives and that everything it numbered before is in the log.
alter table emitters add column alive_at timestamptz;
