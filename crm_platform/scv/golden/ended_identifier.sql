-- scv.ended_identifier: numbers and addresses that are known to reach their customer no more. Grain: one row per customer
-- number, kind and value. Type 1. Key: kind, customer_ref, value.
-- Reads: all_call_outcomes, all_sms_receipts, all_returned_post; ending_outcome, ending_status, harmless_reason (what counts as an end).
-- What happened after $as_of is not known. Numbers are made E.164 by the reader.
SELECT kind, customer_ref, value, country, max(ended_dt) AS ended_dt, min(reason) AS reason
FROM (
    SELECT
        'phone' AS kind,
        concat(customer_source, ':', customer_id) AS customer_ref,
        phone AS value,
        CAST(NULL AS VARCHAR) AS country,
        event_dt AS ended_dt,
        concat('call: ', outcome) AS reason
    FROM all_call_outcomes
    WHERE outcome IN (SELECT ending_outcome.value FROM ending_outcome) AND phone IS NOT NULL AND customer_id IS NOT NULL
    UNION ALL
    SELECT
        'phone',
        concat(customer_source, ':', customer_id),
        phone,
        NULL,
        event_dt,
        concat('sms: ', status)
    FROM all_sms_receipts
    WHERE status IN (SELECT ending_status.value FROM ending_status) AND phone IS NOT NULL AND customer_id IS NOT NULL
    UNION ALL
    SELECT
        'address',
        concat(customer_source, ':', customer_id),
        upper(replace(postcode, ' ', '')),
        country,
        CAST(returned_date AS TIMESTAMP WITH TIME ZONE),
        'returned post'
    FROM all_returned_post
    WHERE $returned_post AND postcode IS NOT NULL AND customer_id IS NOT NULL
        AND coalesce(reason, '') NOT IN (SELECT harmless_reason.value FROM harmless_reason)
) AS ends
WHERE ended_dt <= $as_of
GROUP BY kind, customer_ref, value, country
