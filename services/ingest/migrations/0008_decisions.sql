-- Each decision once, with the columns of today.
CREATE OR REPLACE VIEW decisions AS SELECT * FROM decision_rows FINAL
