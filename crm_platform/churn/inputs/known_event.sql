-- known_event: what customers did and met with besides buying, up to $as_of_date. Grain: one row per event, of visits one per customer and day.
-- No table: a relation for the features of churn. Key: none. Reads: known_support_cases, known_surveys, known_shipments, known_invoices,
-- known_returns, known_payments, known_registrations, known_web_hits, sold_line, campaign.event, event_customer, permission.consent_event,
-- loyalty.fact_loyalty_points, scv.customer_ref_key.
-- An event is known from the day on which it was loaded; what came on the first day of its source's deliveries was known all along, else nothing could
-- be learnt of the time before the platform. A newer version of a row makes it known later, never earlier.
WITH order_owner AS (
    -- Shipments and payments name an order by its number alone: one that two sources bear is nobody's.
    SELECT order_id, min(customer_ref) AS customer_ref
    FROM (SELECT DISTINCT source, order_id, customer_ref FROM sold_line)
    GROUP BY order_id
    HAVING count(*) = 1
),

account AS (
    -- How a site knows a customer: the name or number signed in with, the browser's cookie. One that two customers share is nobody's.
    SELECT source, handle, min(customer_ref) AS customer_ref
    FROM (
        SELECT source, login AS handle, concat(customer_source, ':', customer_id) AS customer_ref FROM known_registrations
        UNION
        SELECT source, registration_id, concat(customer_source, ':', customer_id) FROM known_registrations
        UNION
        SELECT source, visitor_id, concat(customer_source, ':', customer_id) FROM known_registrations
    )
    WHERE handle IS NOT NULL AND customer_ref IS NOT NULL
    GROUP BY source, handle
    HAVING count(*) = 1
),

by_reference AS (
    SELECT
        'support_cases' AS family,
        concat(customer_source, ':', customer_id) AS customer_ref,
        opened_dt AS event_dt,
        loaded_dt,
        source,
        CAST(NULL AS DOUBLE) AS amount
    FROM known_support_cases
    UNION ALL
    SELECT 'low_answers', concat(customer_source, ':', customer_id), responded_dt, loaded_dt, source, NULL
    FROM known_surveys
    WHERE (survey = 'nps' AND score <= 6) OR (survey = 'csat' AND score <= 2)
    UNION ALL
    SELECT
        'late_deliveries',
        order_owner.customer_ref,
        known_shipments.delivered_dt,
        known_shipments.loaded_dt,
        known_shipments.source,
        date_diff('day', known_shipments.promised_date, CAST(known_shipments.delivered_dt AS DATE))
    FROM known_shipments
    INNER JOIN order_owner ON known_shipments.order_id = order_owner.order_id
    WHERE CAST(known_shipments.delivered_dt AS DATE) > known_shipments.promised_date
    UNION ALL
    SELECT
        'late_payments',
        coalesce(
            concat(known_payments.customer_source, ':', known_payments.customer_id),
            concat(known_invoices.customer_source, ':', known_invoices.customer_id)
        ),
        known_payments.paid_dt,
        greatest(known_payments.loaded_dt, known_invoices.loaded_dt),
        known_payments.source,
        date_diff('day', known_invoices.due_date, CAST(known_payments.paid_dt AS DATE))
    FROM known_payments
    INNER JOIN known_invoices
        ON known_payments.source = known_invoices.source AND known_payments.invoice_id = known_invoices.invoice_id
    WHERE CAST(known_payments.paid_dt AS DATE) > known_invoices.due_date
    UNION ALL
    SELECT 'returns', order_owner.customer_ref, known_returns.returned_dt, known_returns.loaded_dt, known_returns.source, NULL
    FROM known_returns
    INNER JOIN order_owner ON known_returns.order_id = order_owner.order_id
    UNION ALL
    SELECT DISTINCT
        'visits',
        account.customer_ref,
        date_trunc('day', known_web_hits.event_dt),
        date_trunc('day', known_web_hits.loaded_dt),
        known_web_hits.source,
        NULL
    FROM known_web_hits
    INNER JOIN account
        ON known_web_hits.source = account.source AND coalesce(known_web_hits.login, known_web_hits.visitor_id) = account.handle
    WHERE known_web_hits.status < 400
),

by_key AS (
    SELECT
        by_reference.family,
        customer_ref_key.customer_key,
        by_reference.event_dt,
        by_reference.loaded_dt,
        by_reference.source,
        by_reference.amount
    FROM by_reference
    INNER JOIN scv.customer_ref_key ON by_reference.customer_ref = customer_ref_key.customer_ref
    UNION ALL
    SELECT
        CASE event.event_type
            WHEN 'opened' THEN 'opens'
            WHEN 'clicked' THEN 'clicks'
            ELSE 'complaints'
        END,
        event_customer.customer_key,
        event.event_dt,
        event.loaded_dt,
        event.source,
        NULL
    FROM campaign.event AS event
    INNER JOIN event_customer ON event.event_id = event_customer.event_id
    WHERE (event.event_type IN ('opened', 'clicked') AND event.actor_class = 'human') OR event.event_type = 'complained'
    UNION ALL
    SELECT 'opt_outs', customer_key, event_dt, loaded_dt, concat(source, '.', feed), NULL
    FROM permission.consent_event
    WHERE effect = 'withdrawal'
    UNION ALL
    SELECT 'points_spent', customer_key, event_dt, loaded_dt, source, CAST(-points AS DOUBLE)
    FROM loyalty.fact_loyalty_points
    WHERE entry_type = 'burn'
),

dated AS (
    SELECT
        family,
        customer_key,
        CAST(event_dt AS DATE) AS event_date,
        CAST(loaded_dt AS DATE) AS loaded_date,
        min(CAST(loaded_dt AS DATE)) OVER (PARTITION BY family, source) AS first_loaded_date,
        amount
    FROM by_key
)

SELECT
    family,
    customer_key AS customer_id,
    event_date,
    CASE WHEN loaded_date <= first_loaded_date THEN event_date ELSE greatest(event_date, loaded_date) END AS known_date,
    amount
FROM dated
WHERE event_date <= $as_of_date
ORDER BY ALL
