-- Each decision once.
CREATE OR REPLACE VIEW decisions AS SELECT * FROM decision_rows FINAL
