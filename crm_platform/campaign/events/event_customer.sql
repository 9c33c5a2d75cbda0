-- event_customer: the customer whom each event concerns, for facts to be joined by.
-- Grain: one row per event whose customer is known. Key: event_id. Type: a relation for the time of a block, not a table of the
-- lake: customers' keys change when customers are merged, what an event told does not.
-- By the source's own number where the event or the member of the campaign has one; else by the e-mail address that a customer had
-- when it happened, where it was one customer's alone.
-- Reads: campaign.event, scv.customer_ref_key, scv.dim_customer_history.
WITH by_number AS (
    SELECT event.event_id, event.event_dt, customer_ref_key.customer_key
    FROM campaign.event AS event
    JOIN scv.customer_ref_key AS customer_ref_key ON customer_ref_key.customer_ref = event.customer_ref
),
by_address AS (
    SELECT event.event_id, event.event_dt, min(history.customer_key) AS customer_key
    FROM campaign.event AS event
    JOIN scv.dim_customer_history AS history
        ON lower(history.email) = event.recipient
        AND history.valid_from_dt <= event.event_dt
        AND (history.valid_until_dt IS NULL OR history.valid_until_dt > event.event_dt)
    WHERE event.channel = 'email' AND event.event_id NOT IN (SELECT event_id FROM by_number)
    GROUP BY event.event_id, event.event_dt
    HAVING count(DISTINCT history.customer_key) = 1
)
SELECT event_id, event_dt, customer_key, 'number' AS found_by FROM by_number
UNION ALL
SELECT event_id, event_dt, customer_key, 'address' AS found_by FROM by_address
