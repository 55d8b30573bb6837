-- Which decision each span belongs to: the one it names (exact), else one of the same agent and
-- environment with an equal input in the span's time (inferred), a second of grace at each end since
-- starts are whole seconds; else none.
CREATE OR REPLACE VIEW trace_links AS
SELECT t.org_id AS org_id,
       t.trace_id AS trace_id,
       t.span_id AS span_id,
       multiIf(t.decision_link = 'exact', t.decision_id, i.link = 'inferred', i.decision_id, NULL) AS decision_id,
       multiIf(t.decision_link = 'exact', 'exact', i.link = 'inferred', 'inferred', 'none') AS link
FROM traces AS t
LEFT JOIN
(
    SELECT s.org_id AS org_id,
           s.trace_id AS trace_id,
           s.span_id AS span_id,
           argMin(d.decision_id, abs(dateDiff('millisecond', s.timestamp, d.timestamp))) AS decision_id,
           'inferred' AS link
    FROM traces AS s
    INNER JOIN decisions AS d
        ON d.org_id = s.org_id AND d.input_digest = s.input_digest AND d.environment = s.environment
    WHERE s.input_digest != ''
      AND (d.agent_id = s.agent_id OR d.agent_uuid = s.agent_uuid)
      AND d.timestamp >= s.timestamp - INTERVAL 1 SECOND
      AND d.timestamp <= s.timestamp + toIntervalMillisecond(coalesce(s.duration_ms, 0) + 1000)
    GROUP BY s.org_id, s.trace_id, s.span_id
) AS i ON i.org_id = t.org_id AND i.trace_id = t.trace_id AND i.span_id = t.span_id
