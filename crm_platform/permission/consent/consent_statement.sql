-- consent_statement: each event once, with what it covers and what it does. A step of consent_event, not a table of the lake.
-- Grain: one row per event. Key: event_id.
-- Reads: stated_consent (the statements of all inputs), sources.dim_communication, confirmed_channel (locale, channel: consent
-- counts only when confirmed; `default` for locales without a law of their own), law_locale (locale).
-- An event that was told again counts as told last, and as known since it was told first. Nothing told after $as_of is known.
WITH ranked AS (
    SELECT
        *,
        min(told_dt) OVER (PARTITION BY event_id) AS first_told_dt,
        min(loaded_dt) OVER (PARTITION BY event_id) AS first_loaded_dt,
        row_number() OVER (
            PARTITION BY event_id ORDER BY received_dt DESC NULLS LAST, loaded_dt DESC, file_id DESC, file_part DESC, file_line DESC
        ) AS version_rank
    FROM stated_consent
    WHERE told_dt <= $as_of
),

scoped AS (
    -- A global opt-out covers everything, whatever else its row says; what names a communication says all by that: unsubscribing
    -- from one that is sent under a general permission withdraws that. A row that contradicts itself withdraws all it may mean.
    SELECT
        ranked.event_id,
        ranked.source,
        ranked.feed,
        ranked.event_type,
        ranked.customer_ref,
        ranked.has_customer_id,
        lower(trim(ranked.email)) AS email,
        replace(ranked.phone, ' ', '') AS phone,
        CASE
            WHEN ranked.event_type = 'global_opt_out' THEN NULL
            WHEN ranked.permission_kind = 'general' AND dim_communication.communication_kind = 'subscription' THEN NULL
            WHEN dim_communication.communication_kind IS NOT NULL THEN dim_communication.communication_kind
            WHEN ranked.permission_kind IS NOT NULL THEN ranked.permission_kind
            WHEN ranked.communication IS NOT NULL THEN 'subscription'
            WHEN ranked.communication_type IS NOT NULL THEN 'general'
        END AS permission_kind,
        CASE WHEN ranked.event_type <> 'global_opt_out' THEN ranked.communication END AS communication,
        coalesce(dim_communication.communication_type, ranked.communication_type) AS communication_type,
        CASE WHEN ranked.event_type <> 'global_opt_out' THEN ranked.channel END AS channel,
        CASE
            WHEN ranked.event_type <> 'global_opt_out' THEN coalesce(dim_communication.brand_code, ranked.brand)
        END AS brand,
        CASE WHEN ranked.event_type <> 'global_opt_out' THEN ranked.locale END AS locale,
        dim_communication.communication_key IS NOT NULL AS is_known_communication,
        coalesce(ranked.permission_kind <> dim_communication.communication_kind, FALSE) AS is_of_other_kind,
        ranked.locale AS told_locale,
        ranked.language,
        ranked.promotion_source,
        ranked.subscription_period,
        ranked.permission_id,
        ranked.subscription_price_amount,
        ranked.currency,
        coalesce(ranked.number_of_subscriptions, 1) AS number_of_subscriptions,
        ranked.wording_version,
        ranked.form,
        ranked.request_method,
        ranked.ip_address,
        ranked.valid_until_date,
        ranked.event_dt,
        ranked.received_dt,
        ranked.first_told_dt AS told_dt,
        ranked.first_loaded_dt AS loaded_dt,
        ranked.file_id,
        ranked.file_part,
        ranked.file_line
    FROM ranked
    LEFT JOIN sources.dim_communication ON ranked.communication = dim_communication.communication_code
    WHERE ranked.version_rank = 1
),

effects AS (
    SELECT
        scoped.*,
        CASE
            WHEN scoped.event_type = 'double_opt_in_confirm' THEN 'grant'
            WHEN scoped.event_type = 'double_opt_in_request' THEN 'request'
            WHEN scoped.event_type = 'expiry' THEN 'end'
            WHEN scoped.event_type <> 'opt_in' THEN 'withdrawal'
            WHEN confirmed_channel.channel IS NOT NULL THEN 'request'
            ELSE 'grant'
        END AS effect
    FROM scoped
    LEFT JOIN confirmed_channel
        ON scoped.channel = confirmed_channel.channel
        AND confirmed_channel.locale = CASE
            WHEN scoped.told_locale IN (SELECT law_locale.locale FROM law_locale) THEN scoped.told_locale ELSE 'default'
        END
)

-- A subscription is to its communication: its type says nothing more, and who ends it on another locale's site ends it.
SELECT
    * EXCLUDE (communication, communication_type, locale, told_locale),
    CASE WHEN permission_kind = 'subscription' OR NOT is_known_communication THEN communication END AS communication,
    CASE WHEN permission_kind = 'general' THEN communication_type END AS communication_type,
    CASE WHEN effect NOT IN ('withdrawal', 'end') OR permission_kind = 'general' THEN locale END AS locale,
    told_locale
FROM effects
