-- loyalty.loyalty_tier_history: the tiers that members had. Grain: one row per member and change of tier. Type 2. Key: customer_key, valid_from_date.
-- Reads: tier_change (see tiers.py).
SELECT
    customer_key,
    valid_from_date,
    lead(valid_from_date) OVER (PARTITION BY customer_key ORDER BY valid_from_date) AS valid_until_date,
    tier,
    qualifying_points,
    reason
FROM tier_change
ORDER BY customer_key, valid_from_date
