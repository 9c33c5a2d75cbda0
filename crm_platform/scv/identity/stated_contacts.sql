-- By what customers were reached, or wrote in, that no record which bears their number has ever stated.
-- Type 0. Grain: one row per customer number, kind and address or number. Key: customer_ref, kind, value.
-- Reads: every_permission_events, every_support_cases, every_surveys (all rows ever loaded of all sources).
-- Telephones are taken for one by their last eight digits: a source writes them with or without a country's code.
WITH contact AS (
    SELECT customer_source, customer_id, email, phone, event_dt AS contact_dt FROM every_permission_events
    UNION ALL
    SELECT customer_source, customer_id, email, phone, opened_dt FROM every_support_cases
    UNION ALL
    SELECT customer_source, customer_id, email, NULL, responded_dt FROM every_surveys
),

told AS (
    SELECT concat(customer_source, ':', customer_id) AS customer_ref, 'email' AS kind, email AS value,
        lower(trim(email)) AS identity, contact_dt
    FROM contact
    WHERE customer_id IS NOT NULL AND email IS NOT NULL AND contact_dt <= $as_of
    UNION ALL
    SELECT concat(customer_source, ':', customer_id), 'phone', phone, right(regexp_replace(phone, '[^0-9]', '', 'g'), 8),
        contact_dt
    FROM contact
    WHERE customer_id IS NOT NULL AND phone IS NOT NULL AND contact_dt <= $as_of
),

stated AS (
    SELECT customer_ref, 'email' AS kind, lower(trim(email)) AS identity FROM scv.source_statement WHERE email IS NOT NULL
    UNION
    SELECT customer_ref, 'phone', right(regexp_replace(number, '[^0-9]', '', 'g'), 8)
    FROM scv.source_statement, unnest([phone, mobile_phone]) AS numbers (number)
    WHERE number IS NOT NULL
)

SELECT customer_ref, kind, min(value) AS value, min(contact_dt) AS contact_dt
FROM told
ANTI JOIN stated USING (customer_ref, kind, identity)
GROUP BY customer_ref, kind, identity
ORDER BY customer_ref, kind, value
