-- Each accepted span once, without resolutions.
CREATE OR REPLACE VIEW traces AS SELECT * FROM trace_rows FINAL WHERE resolution = ''
