-- point_event: everything that moves or may move points, in the order in which it counts. Grain: one row per event. No table: a step of the ledger, for
-- the customers from $from_key to before $until_key. Key: event_number. Reads: rule_step, redemption, account_holder, scheme.
-- kind as in replay.py: 0 expire, 1 earn, 2 reverse, 3 burn. What lapses by $as_of lapses at the midnight (UTC) after its last day.
WITH event AS (
    SELECT
        customer_key,
        CASE WHEN points > 0 THEN 1 ELSE 2 END AS kind,
        abs(points) AS points,
        step_dt AS event_dt,
        expires_date,
        source,
        order_id,
        rule_number,
        CAST(NULL AS VARCHAR) AS redemption_id,
        concat(step, '/', step_ref) AS reference,
        loaded_dt
    FROM rule_step
    UNION ALL
    SELECT
        customer_key, 3, points, redeemed_dt, NULL, source, order_id, NULL, redemption_id, redemption_id, loaded_dt
    FROM redemption
    WHERE reason IS NULL
        AND customer_key >= $from_key
        AND customer_key < $until_key
        AND customer_key IN (SELECT account_holder.customer_key FROM account_holder)
    UNION ALL
    SELECT DISTINCT
        customer_key,
        0,
        0,
        CAST(expires_date + INTERVAL 1 DAY AS TIMESTAMP WITH TIME ZONE) AS event_dt,
        expires_date,
        NULL,
        NULL,
        NULL,
        NULL,
        '',
        CAST(expires_date + INTERVAL 1 DAY AS TIMESTAMP WITH TIME ZONE)
    FROM rule_step
    WHERE points > 0 AND expires_date < CAST($as_of AS DATE)
)

SELECT
    row_number() OVER (
        ORDER BY event.customer_key, event.event_dt, event.kind, event.source, event.order_id, event.rule_number, event.reference
    ) AS event_number,
    event.*,
    coalesce(event.expires_date < CAST(event.event_dt AS DATE), FALSE) AS is_lapsed,
    coalesce(scheme.lowest_balance, 0) AS lowest_balance
FROM event
LEFT JOIN scheme ON event.event_dt >= scheme.from_dt AND event.event_dt < scheme.until_dt
