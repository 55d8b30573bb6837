-- What became of acts, learnt after their traces; `status` of the trace stays as it was.
CREATE OR REPLACE VIEW resolutions AS
SELECT org_id,
       trace_id,
       span_id AS resolution_id,
       agent_id,
       agent_uuid,
       environment,
       status AS resolved_status,
       JSONExtractString(resolution, 'basis') AS basis,
       JSONExtractString(resolution, 'effectRef') AS effect_ref,
       JSONExtractString(resolution, 'acknowledgementId') AS acknowledgement_id,
       JSONExtractString(resolution, 'detail') AS detail,
       timestamp AS observed_at,
       received_at,
       key_id,
       resolution,
       event_id
FROM trace_rows FINAL
WHERE resolution != ''
