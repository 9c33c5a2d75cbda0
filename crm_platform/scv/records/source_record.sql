-- scv.source_record: of each record what it says now. Type 1. Grain: one row per record. Key: record_id.
SELECT *
FROM scv.source_statement
WHERE superseded_dt IS NULL
ORDER BY record_id
