-- subscription_period: from when to when a customer was subscribed to something, as it was known on $as_of_date. Grain: one row per subscription. No table:
-- a relation for the features and labels of churn. Key: none. Reads: permission.fact_subscription.
-- ended_date is null while it runs. What was loaded after $known_at counts only where it came on the first day of all, as in known_event.
WITH known_until AS (
    SELECT greatest(CAST($known_at AS DATE), CAST(min(created_dt) AS DATE)) AS known_date FROM permission.fact_subscription
)

SELECT
    fact_subscription.customer_key AS customer_id,
    CAST(fact_subscription.subscribed_dt AS DATE) AS started_date,
    CASE
        WHEN CAST(fact_subscription.last_updated_dt AS DATE) <= known_until.known_date
            AND CAST(fact_subscription.unsubscribed_dt AS DATE) <= $as_of_date
            THEN CAST(fact_subscription.unsubscribed_dt AS DATE)
    END AS ended_date
FROM permission.fact_subscription
CROSS JOIN known_until
WHERE fact_subscription.number_of_subscriptions > 0
    AND CAST(fact_subscription.subscribed_dt AS DATE) <= $as_of_date
    AND CAST(fact_subscription.created_dt AS DATE) <= known_until.known_date
ORDER BY ALL
