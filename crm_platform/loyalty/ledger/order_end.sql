-- order_end: orders that count no more, such as cancelled ones, since when. Grain: one row per order. No table: a step of the ledger.
-- Key: source, order_id. Reads: known_order_events, scheme, reversing_status. What happened after $as_of is not known.
SELECT
    known_order_events.source,
    known_order_events.order_id,
    min(known_order_events.event_dt) AS ended_dt,
    min(known_order_events.loaded_dt) AS loaded_dt
FROM known_order_events
INNER JOIN scheme ON known_order_events.event_dt >= scheme.from_dt AND known_order_events.event_dt < scheme.until_dt
INNER JOIN reversing_status
    ON scheme.scheme_number = reversing_status.scheme_number AND known_order_events.status = reversing_status.status
WHERE known_order_events.event_dt <= $as_of
GROUP BY known_order_events.source, known_order_events.order_id
