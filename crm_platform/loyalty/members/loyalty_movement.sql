-- loyalty.loyalty_movement: the scheme's points by month. Grain: one row per month since the first points, up to $as_of. Key: month_date.
-- Reads: loyalty.fact_loyalty_points. A point is worth $point_value in $currency.
WITH movement AS (
    SELECT
        CAST(date_trunc('month', event_dt) AS DATE) AS month_date,
        sum(points) AS points,
        sum(CASE WHEN entry_type = 'earn' THEN points ELSE 0 END) AS earned_points,
        -sum(CASE WHEN entry_type = 'reverse' THEN points ELSE 0 END) AS reversed_points,
        -sum(CASE WHEN entry_type = 'burn' THEN points ELSE 0 END) AS burnt_points,
        -sum(CASE WHEN entry_type = 'expire' THEN points ELSE 0 END) AS expired_points,
        sum(waived_points) AS waived_points,
        count(DISTINCT CASE WHEN entry_type = 'earn' THEN customer_key END) AS number_of_earning_members,
        count(DISTINCT CASE WHEN entry_type = 'burn' THEN customer_key END) AS number_of_burning_members
    FROM loyalty.fact_loyalty_points
    GROUP BY ALL
),

month AS (
    SELECT CAST(unnest(generate_series(first_date, date_trunc('month', CAST($as_of AS TIMESTAMP)), INTERVAL 1 MONTH)) AS DATE) AS month_date
    FROM (SELECT CAST(min(month_date) AS TIMESTAMP) AS first_date FROM movement) AS span
    WHERE first_date IS NOT NULL
),

summed AS (
    SELECT
        month.month_date,
        coalesce(movement.points, 0) AS points,
        sum(coalesce(movement.points, 0)) OVER (ORDER BY month.month_date) AS closing_points,
        movement.* EXCLUDE (month_date, points)
    FROM month
    LEFT JOIN movement ON month.month_date = movement.month_date
)

SELECT
    month_date,
    CAST(closing_points - points AS BIGINT) AS opening_points,
    CAST(coalesce(earned_points, 0) AS BIGINT) AS earned_points,
    CAST(coalesce(reversed_points, 0) AS BIGINT) AS reversed_points,
    CAST(coalesce(burnt_points, 0) AS BIGINT) AS burnt_points,
    CAST(coalesce(expired_points, 0) AS BIGINT) AS expired_points,
    CAST(closing_points AS BIGINT) AS closing_points,
    CAST(coalesce(waived_points, 0) AS BIGINT) AS waived_points,
    coalesce(number_of_earning_members, 0) AS number_of_earning_members,
    coalesce(number_of_burning_members, 0) AS number_of_burning_members,
    CAST(closing_points * CAST($point_value AS DECIMAL(18, 6)) AS DECIMAL(18, 4)) AS closing_amount,
    $currency AS currency
FROM summed
ORDER BY month_date
