-- permission.re_permission: consents that end within $days. Grain: one row per consent. Type 1.
-- Key: customer_key, permission_kind, communication_key, communication_type, channel_key, brand_key, locale_key.
-- Reads: permission.fact_subscription, permission.fact_permission, sources.dim_communication, sources.dim_date.
WITH open_consent AS (
    SELECT
        fact_subscription.customer_key,
        'subscription' AS permission_kind,
        fact_subscription.communication_key,
        dim_communication.communication_type,
        fact_subscription.channel_key,
        fact_subscription.brand_key,
        fact_subscription.locale_key,
        fact_subscription.subscribed_dt,
        fact_subscription.expiry_date_key
    FROM permission.fact_subscription
    INNER JOIN sources.dim_communication ON fact_subscription.communication_key = dim_communication.communication_key
    WHERE fact_subscription.is_active_flag = 1
    UNION ALL
    SELECT customer_key, 'general', 0, communication_type, channel_key, brand_key, locale_key, subscribed_dt, expiry_date_key
    FROM permission.fact_permission
    WHERE is_active_flag = 1
)

SELECT
    open_consent.* EXCLUDE (expiry_date_key),
    dim_date.calendar_date AS valid_until_date,
    greatest(CAST(date_diff('day', CAST($as_of AS DATE), dim_date.calendar_date) AS BIGINT), 0) AS days_left
FROM open_consent
INNER JOIN sources.dim_date ON open_consent.expiry_date_key = dim_date.date_key
WHERE dim_date.calendar_date <= CAST($as_of AS DATE) + CAST($days AS INTEGER) AND open_consent.expiry_date_key > 0
ORDER BY ALL
