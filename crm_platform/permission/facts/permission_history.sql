-- permission.permission_history: growth and churn of permissions by month. Grain: one row per month, what is permitted and
-- the promotion source. Type: periodic snapshot, rebuilt. Key: all columns but the numbers.
-- Reads: permission.fact_subscription, permission.fact_permission, sources.dim_communication.
WITH course AS (
    SELECT
        'subscription' AS permission_kind,
        fact_subscription.communication_key,
        dim_communication.communication_type,
        fact_subscription.channel_key,
        fact_subscription.brand_key,
        fact_subscription.locale_key,
        fact_subscription.promotion_source_key,
        fact_subscription.number_of_subscriptions AS number,
        fact_subscription.subscribed_dt,
        fact_subscription.unsubscribed_dt,
        fact_subscription.expiry_date_key
    FROM permission.fact_subscription
    INNER JOIN sources.dim_communication ON fact_subscription.communication_key = dim_communication.communication_key
    UNION ALL
    SELECT
        'general', 0, communication_type, channel_key, brand_key, locale_key, promotion_source_key, number_of_subscriptions, subscribed_dt,
        unsubscribed_dt, expiry_date_key
    FROM permission.fact_permission
),

turn AS (
    -- A validity ends at a midnight between the last day and the day after it, as UTC sees it.
    SELECT
        * EXCLUDE (number),
        CAST(date_trunc('month', subscribed_dt) AS DATE) AS month_date,
        number AS gained,
        0 AS lost,
        0 AS expired,
        CASE WHEN unsubscribed_dt < subscribed_dt + INTERVAL 90 DAY THEN number ELSE 0 END AS lost_early
    FROM course
    UNION ALL
    SELECT
        * EXCLUDE (number),
        CAST(date_trunc('month', unsubscribed_dt) AS DATE),
        0,
        number,
        CASE
            WHEN expiry_date_key > 0 AND CAST(strftime(unsubscribed_dt + INTERVAL 14 HOUR, '%Y%m%d') AS BIGINT) > expiry_date_key
                THEN number
            ELSE 0
        END,
        0
    FROM course
    WHERE unsubscribed_dt IS NOT NULL
),

monthly AS (
    SELECT
        month_date, permission_kind, communication_key, communication_type, channel_key, brand_key, locale_key, promotion_source_key,
        sum(gained) AS gained, sum(lost) AS lost, sum(expired) AS expired, sum(lost_early) AS lost_early
    FROM turn
    GROUP BY
        month_date, permission_kind, communication_key, communication_type, channel_key, brand_key, locale_key, promotion_source_key
),

spanned AS (
    -- A month without a change has a row too, from the first month that something was permitted to the month of the run.
    SELECT
        first_month.* EXCLUDE (first_date),
        CAST(month_start.month_dt AS DATE) AS month_date
    FROM (
        SELECT
            permission_kind, communication_key, communication_type, channel_key, brand_key, locale_key, promotion_source_key,
            min(month_date) AS first_date
        FROM monthly
        GROUP BY permission_kind, communication_key, communication_type, channel_key, brand_key, locale_key, promotion_source_key
    ) AS first_month
    INNER JOIN (
        SELECT DISTINCT first_date_of_month AS month_dt FROM sources.dim_date WHERE calendar_date <= CAST($as_of AS DATE)
    ) AS month_start ON first_month.first_date <= month_start.month_dt
)

SELECT
    spanned.month_date,
    spanned.permission_kind,
    spanned.communication_key,
    spanned.communication_type,
    spanned.channel_key,
    spanned.brand_key,
    spanned.locale_key,
    spanned.promotion_source_key,
    CAST(coalesce(monthly.gained, 0) AS BIGINT) AS number_gained,
    CAST(coalesce(monthly.lost, 0) AS BIGINT) AS number_lost,
    CAST(coalesce(monthly.expired, 0) AS BIGINT) AS number_expired,
    CAST(coalesce(monthly.lost_early, 0) AS BIGINT) AS number_lost_early,
    CAST(sum(coalesce(monthly.gained, 0) - coalesce(monthly.lost, 0)) OVER (
        PARTITION BY
            spanned.permission_kind, spanned.communication_key, spanned.communication_type, spanned.channel_key, spanned.brand_key,
            spanned.locale_key, spanned.promotion_source_key
        ORDER BY spanned.month_date
    ) AS BIGINT) AS number_active
FROM spanned
LEFT JOIN monthly
    ON spanned.month_date = monthly.month_date
    AND spanned.permission_kind = monthly.permission_kind
    AND spanned.communication_key = monthly.communication_key
    AND spanned.communication_type = monthly.communication_type
    AND spanned.channel_key = monthly.channel_key
    AND spanned.brand_key = monthly.brand_key
    AND spanned.locale_key = monthly.locale_key
    AND spanned.promotion_source_key = monthly.promotion_source_key
ORDER BY ALL
