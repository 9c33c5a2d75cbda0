-- customer_moment: the moments at which a customer may have changed, and the moment of the run.
-- Grain: one row per customer and moment. Key: customer_key, moment_dt. A step of golden_record, not a table of the lake.
-- Reads: customer_statement.
SELECT DISTINCT customer_key, moment_dt
FROM (
    SELECT customer_key, stated_dt AS moment_dt FROM customer_statement
    UNION ALL
    SELECT customer_key, email_ended_dt FROM customer_statement WHERE email_ended_dt IS NOT NULL
    UNION ALL
    SELECT customer_key, phone_ended_dt FROM customer_statement WHERE phone_ended_dt IS NOT NULL
    UNION ALL
    SELECT customer_key, mobile_phone_ended_dt FROM customer_statement WHERE mobile_phone_ended_dt IS NOT NULL
    UNION ALL
    SELECT customer_key, address_ended_dt FROM customer_statement WHERE address_ended_dt IS NOT NULL
    UNION ALL
    SELECT customer_key, CAST($as_of AS TIMESTAMP WITH TIME ZONE) FROM customer_statement
) AS moments
