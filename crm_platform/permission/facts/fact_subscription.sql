-- permission.fact_subscription: who agreed to which communication, since when and until when. Type: accumulating snapshot, rebuilt from
-- the events. Grain: one row per customer, communication, channel and time of subscribing. Key: customer_key, communication_key, channel_key, subscribed_dt.
-- Reads: consent_spell, sources.dim_communication, dim_channel, dim_promotion_source, dim_brand, dim_locale, dim_language, dim_subscription_period.
SELECT
    consent_spell.customer_key,
    dim_communication.communication_key,
    dim_channel.channel_key,
    coalesce(dim_promotion_source.promotion_source_key, 0) AS promotion_source_key,
    coalesce(dim_brand.brand_key, 0) AS brand_key,
    coalesce(dim_locale.locale_key, 0) AS locale_key,
    coalesce(dim_language.language_key, 0) AS language_key,
    CAST(coalesce(strftime(consent_spell.valid_until_date, '%Y%m%d'), '0') AS BIGINT) AS expiry_date_key,
    coalesce(dim_subscription_period.subscription_period_key, 0) AS subscription_period_key,
    consent_spell.permission_id,
    consent_spell.subscription_price_amount AS subscription_price,
    consent_spell.currency,
    consent_spell.number_of_subscriptions,
    consent_spell.subscribed_dt,
    consent_spell.unsubscribed_dt,
    CAST(CASE WHEN consent_spell.unsubscribed_dt IS NULL THEN 1 ELSE 0 END AS BIGINT) AS is_active_flag,
    consent_spell.created_dt,
    consent_spell.last_updated_dt
FROM consent_spell
INNER JOIN sources.dim_communication ON consent_spell.communication = dim_communication.communication_code
INNER JOIN sources.dim_channel ON consent_spell.channel = dim_channel.channel_code
LEFT JOIN sources.dim_promotion_source ON consent_spell.promotion_source = dim_promotion_source.promotion_source_code
LEFT JOIN sources.dim_brand ON consent_spell.brand = dim_brand.brand_code
LEFT JOIN sources.dim_locale ON consent_spell.locale = dim_locale.locale_code
LEFT JOIN sources.dim_language ON consent_spell.language = dim_language.language_code
LEFT JOIN sources.dim_subscription_period
    ON consent_spell.subscription_period = dim_subscription_period.subscription_period_code
WHERE consent_spell.permission_kind = 'subscription'
ORDER BY customer_key, 2, channel_key, subscribed_dt
