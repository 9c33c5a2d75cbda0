-- qualifying_month: points that count for the tier, by member and month. Grain: one row per member and month in which any did. No table: a step of the
-- tiers. Key: customer_key, month_date. Reads: loyalty.fact_loyalty_points. What is taken back counts against the month in which it is.
SELECT
    customer_key,
    CAST(date_trunc('month', event_dt) AS DATE) AS month_date,
    CAST(sum(CASE WHEN counts_for_tier THEN points ELSE 0 END) AS BIGINT) AS qualifying_points
FROM loyalty.fact_loyalty_points
WHERE entry_type IN ('earn', 'reverse')
GROUP BY ALL
ORDER BY ALL
