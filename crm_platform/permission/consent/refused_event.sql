-- permission.refused_event: the events without effect. Grain: one row per event. Type 1: judged anew by every run.
-- Key: event_id. Reads: judged_statement. Nothing personal: the event itself stands where file and line say.
SELECT DISTINCT
    event_id, refusal AS reason, event_type, event_dt, received_dt, loaded_dt, source, feed, file_id, file_part, file_line
FROM judged_statement
WHERE refusal IS NOT NULL
ORDER BY event_id
