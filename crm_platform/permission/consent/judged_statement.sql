-- judged_statement: the events with their customers, and why those have no effect that have none. A step, not a table of the lake.
-- Grain: one row per event and customer whom it concerns (one without customer where none is found).
-- Key: event_id, customer_key.
-- Reads: consent_statement, consent_customer, sources.dim_brand, sources.dim_locale.
-- Whoever withdraws is heard: a withdrawal that is dated in the future counts from when it was told, one that names a brand or a
-- locale that does not exist covers every one.
WITH known AS (
    SELECT
        consent_statement.* EXCLUDE (brand, locale),
        CASE
            WHEN consent_statement.effect IN ('grant', 'request') OR dim_brand.brand_key IS NOT NULL THEN consent_statement.brand
        END AS brand,
        CASE
            WHEN consent_statement.effect IN ('grant', 'request') OR dim_locale.locale_key IS NOT NULL THEN consent_statement.locale
        END AS locale,
        consent_customer.customer_key,
        consent_customer.party,
        CASE
            WHEN consent_statement.effect IN ('withdrawal', 'end') THEN least(consent_statement.event_dt, consent_statement.told_dt)
            ELSE consent_statement.event_dt
        END AS effective_dt,
        CASE
            WHEN upper(coalesce(consent_statement.request_method, '')) IN ('GET', 'HEAD') AND consent_statement.effect <> 'end'
                AND consent_statement.event_type <> 'double_opt_in_request' THEN 'get_has_no_effect'
            WHEN NOT consent_statement.is_known_communication AND consent_statement.communication IS NOT NULL
                THEN 'unknown_communication'
            WHEN consent_statement.effect IN ('grant', 'request') AND consent_statement.is_of_other_kind THEN 'unknown_communication'
            WHEN consent_statement.effect IN ('grant', 'request') AND consent_statement.brand IS NOT NULL
                AND dim_brand.brand_key IS NULL THEN 'unknown_brand'
            WHEN consent_statement.effect IN ('grant', 'request') AND consent_statement.locale IS NOT NULL
                AND dim_locale.locale_key IS NULL THEN 'unknown_locale'
            WHEN consent_statement.effect IN ('grant', 'request') AND consent_statement.communication IS NULL
                AND consent_statement.communication_type IS NULL THEN 'names_nothing'
            WHEN consent_statement.effect IN ('grant', 'request')
                AND consent_statement.event_dt > consent_statement.told_dt + INTERVAL 1 DAY THEN 'future_date'
            WHEN consent_customer.customer_key IS NULL AND consent_statement.has_customer_id THEN 'unknown_customer'
            WHEN consent_customer.customer_key IS NULL THEN 'no_customer'
            WHEN consent_customer.number_of_customers > 1 AND consent_statement.effect IN ('grant', 'request') THEN 'ambiguous_customer'
        END AS refusal
    FROM consent_statement
    LEFT JOIN consent_customer ON consent_statement.event_id = consent_customer.event_id
    LEFT JOIN sources.dim_brand ON consent_statement.brand = dim_brand.brand_code
    LEFT JOIN sources.dim_locale ON consent_statement.locale = dim_locale.locale_code
),

linked AS (
    -- The steps of a double opt-in share the front-end system's key of the permission, else what they cover.
    SELECT
        confirmation.event_id,
        confirmation.customer_key,
        request.event_id AS request_event_id,
        greatest(confirmation.told_dt, request.told_dt) AS known_dt,
        greatest(confirmation.loaded_dt, request.loaded_dt) AS taken_dt,
        CASE
            WHEN request.effective_dt > confirmation.effective_dt THEN 'confirmation_before_request'
            WHEN request.effective_dt + to_days($confirm_within_days) < confirmation.effective_dt THEN 'confirmation_too_late'
        END AS refusal
    FROM known AS confirmation
    INNER JOIN known AS request
        ON confirmation.customer_key = request.customer_key
        AND request.effect = 'request'
        AND request.refusal IS NULL
        AND CASE
            WHEN confirmation.permission_id IS NOT NULL AND request.permission_id IS NOT NULL
                THEN confirmation.permission_id = request.permission_id AND confirmation.source = request.source
            ELSE coalesce(confirmation.communication, confirmation.communication_type)
                = coalesce(request.communication, request.communication_type)
                AND coalesce(confirmation.permission_kind, '*') = coalesce(request.permission_kind, '*')
                AND coalesce(confirmation.channel, '*') = coalesce(request.channel, '*')
                AND coalesce(confirmation.brand, '*') = coalesce(request.brand, '*')
                AND coalesce(confirmation.locale, '*') = coalesce(request.locale, '*')
        END
    WHERE confirmation.event_type = 'double_opt_in_confirm' AND confirmation.refusal IS NULL
),

confirmed AS (
    -- Of several requests the one that lets the confirmation count, and since when soonest.
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY event_id, customer_key
                ORDER BY CASE WHEN refusal IS NULL THEN 0 ELSE 1 END, known_dt, request_event_id
            ) AS request_rank
        FROM linked
    ) AS ranked
    WHERE request_rank = 1
)

SELECT
    known.* EXCLUDE (refusal),
    CASE WHEN confirmed.refusal IS NULL THEN confirmed.request_event_id END AS request_event_id,
    coalesce(confirmed.known_dt, known.told_dt) AS known_dt,
    coalesce(confirmed.taken_dt, known.loaded_dt) AS taken_dt,
    CASE
        WHEN known.refusal IS NOT NULL THEN known.refusal
        WHEN known.event_type = 'double_opt_in_confirm' AND confirmed.event_id IS NULL THEN 'confirmation_without_request'
        ELSE confirmed.refusal
    END AS refusal
FROM known
LEFT JOIN confirmed ON known.event_id = confirmed.event_id AND known.customer_key = confirmed.customer_key
