-- loyalty.loyalty_member: how members stand now. Grain: one row per customer who ever had points. Type 1. Key: customer_key.
-- Reads: loyalty.fact_loyalty_points, loyalty.loyalty_tier_history, tier_standing (see tiers.py).
WITH account AS (
    SELECT
        customer_key,
        min(event_dt) AS joined_dt,
        max(event_dt) AS last_movement_dt,
        CAST(sum(points) AS BIGINT) AS balance_points,
        CAST(sum(CASE WHEN entry_type = 'earn' THEN points ELSE 0 END) AS BIGINT) AS earned_points,
        CAST(-sum(CASE WHEN entry_type = 'reverse' THEN points ELSE 0 END) AS BIGINT) AS reversed_points,
        CAST(-sum(CASE WHEN entry_type = 'burn' THEN points ELSE 0 END) AS BIGINT) AS burnt_points,
        CAST(-sum(CASE WHEN entry_type = 'expire' THEN points ELSE 0 END) AS BIGINT) AS expired_points
    FROM loyalty.fact_loyalty_points
    GROUP BY customer_key
),

held AS (
    SELECT
        customer_key,
        expires_date,
        CAST(sum(points) AS BIGINT) AS points
    FROM loyalty.fact_loyalty_points
    WHERE expires_date IS NOT NULL AND expires_date < DATE '9999-12-31'
    GROUP BY customer_key, expires_date
    HAVING sum(points) > 0
),

soonest AS (
    SELECT *
    FROM (SELECT *, row_number() OVER (PARTITION BY customer_key ORDER BY expires_date) AS place FROM held) AS ranked
    WHERE place = 1
),

present_tier AS (
    SELECT * FROM loyalty.loyalty_tier_history WHERE valid_until_date IS NULL
)

SELECT
    account.customer_key,
    account.joined_dt,
    account.last_movement_dt,
    account.balance_points,
    account.earned_points,
    account.reversed_points,
    account.burnt_points,
    account.expired_points,
    soonest.expires_date AS next_expiry_date,
    coalesce(soonest.points, 0) AS next_expiring_points,
    coalesce(tier_standing.qualifying_points, 0) AS qualifying_points,
    present_tier.tier,
    CASE WHEN present_tier.tier IS NOT NULL THEN present_tier.valid_from_date END AS tier_since_date,
    coalesce(tier_standing.months_below_retention, 0) AS months_below_retention,
    tier_standing.next_tier,
    tier_standing.points_to_next_tier
FROM account
LEFT JOIN soonest ON account.customer_key = soonest.customer_key
LEFT JOIN present_tier ON account.customer_key = present_tier.customer_key
LEFT JOIN tier_standing ON account.customer_key = tier_standing.customer_key
ORDER BY account.customer_key
