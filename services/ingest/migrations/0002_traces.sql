-- Each accepted span once.
CREATE OR REPLACE VIEW traces AS SELECT * FROM trace_rows FINAL
