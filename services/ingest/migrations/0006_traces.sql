-- Each accepted span once, with the columns of today.
CREATE OR REPLACE VIEW traces AS SELECT * FROM trace_rows FINAL
