-- loyalty.fact_loyalty_points, the part of some customers: what each event put into and took out of which points. Grain: one row per movement of points
-- of one expiry date. Key: entry_id. Reads: point_event, replayed_entry (see replay.py), earning_rule.
WITH entry AS (
    SELECT
        point_event.*,
        replayed_entry.expires_date AS day,
        replayed_entry.points AS moved,
        replayed_entry.waived_points,
        CASE
            WHEN replayed_entry.is_settlement THEN 'adjust'
            WHEN point_event.kind = 0 THEN 'expire'
            WHEN point_event.kind = 1 THEN 'earn'
            WHEN point_event.kind = 2 THEN 'reverse'
            ELSE 'burn'
        END AS entry_type
    FROM replayed_entry
    INNER JOIN point_event ON replayed_entry.event_number = point_event.event_number
)

SELECT
    md5(
        concat_ws(
            chr(31), entry.entry_type, entry.customer_key, coalesce(entry.source, ''), coalesce(entry.order_id, ''),
            coalesce(earning_rule.rule, ''), entry.reference, coalesce(CAST(entry.day AS VARCHAR), ''),
            CAST(epoch_us(entry.event_dt) AS VARCHAR)
        )
    ) AS entry_id,
    entry.customer_key,
    entry.entry_type,
    entry.moved AS points,
    entry.waived_points,
    earning_rule.rule,
    entry.kind IN (1, 2) AND entry.entry_type <> 'adjust' AND coalesce(earning_rule.counts_for_tier, FALSE) AS counts_for_tier,
    entry.source,
    entry.order_id,
    entry.redemption_id,
    entry.day AS expires_date,
    entry.event_dt,
    entry.loaded_dt
FROM entry
LEFT JOIN earning_rule ON entry.rule_number = earning_rule.rule_number
