-- consent_spell: how long each consent lasted, from giving to its end. A step of the facts, not a table of the lake.
-- Grain: one row per customer, what is permitted, channel, and time that it was permitted. Key: those and subscribed_dt.
-- Reads: permission.consent_event, permission.consent_party, sources.dim_communication, sources.dim_channel.
-- The same rule as decision.sql, as of $as_of and by today's keys and knowledge; suppressions end no consent.
WITH joined AS (
    SELECT customer_key, max(joined_dt) AS joined_dt
    FROM permission.consent_party
    WHERE until_dt IS NULL
    GROUP BY customer_key
),

said AS (
    SELECT
        consent_event.*,
        CASE WHEN $merge = 'most_recent' THEN '' ELSE consent_event.party END AS speaker
    FROM permission.consent_event
    WHERE consent_event.effective_dt <= $as_of
),

given AS (
    -- A consent anew, to the same by the same party, is given in place of the one before; of two at one moment the one
    -- that ends first counts.
    SELECT
        said.* EXCLUDE (expires_dt),
        min(expires_dt) OVER (PARTITION BY customer_key, speaker, scope, effective_dt) AS expires_dt,
        lead(effective_dt) OVER (
            PARTITION BY customer_key, speaker, scope ORDER BY effective_dt, event_id
        ) AS superseded_dt
    FROM said
    WHERE effect = 'grant'
),

offered_channel AS (
    SELECT dim_communication.communication_code AS communication, dim_channel.channel_code AS channel
    FROM sources.dim_communication
    INNER JOIN sources.dim_channel
        ON concat(',', dim_communication.channel_codes, ',') LIKE concat('%,', dim_channel.channel_code, ',%')
    UNION ALL
    SELECT '*', channel_code FROM sources.dim_channel WHERE channel_key > 0
),

consent AS (
    -- What was given for every channel was given for each.
    SELECT
        given.* EXCLUDE (channel),
        offered_channel.channel,
        row_number() OVER (ORDER BY given.customer_key, given.event_id, offered_channel.channel) AS consent_number
    FROM given
    INNER JOIN offered_channel
        ON offered_channel.communication = CASE WHEN given.channel IS NULL THEN coalesce(given.communication, '*') ELSE '*' END
        AND coalesce(given.channel, offered_channel.channel) = offered_channel.channel
),

objection AS (
    SELECT * FROM said WHERE effect IN ('withdrawal', 'end')
),

covering AS (
    SELECT
        consent.consent_number,
        consent.customer_key,
        consent.effective_dt AS given_dt,
        objection.effect,
        objection.speaker,
        objection.effective_dt,
        objection.loaded_dt
    FROM consent
    INNER JOIN objection
        ON consent.customer_key = objection.customer_key
        AND (objection.effect = 'withdrawal' OR objection.speaker = consent.speaker)
        AND coalesce(objection.permission_kind = consent.permission_kind, TRUE)
        AND coalesce(objection.communication = consent.communication, TRUE)
        AND coalesce(objection.communication_type = consent.communication_type, objection.communication_type IS NULL)
        AND coalesce(objection.channel = consent.channel, TRUE)
        AND coalesce(objection.brand = consent.brand, objection.brand IS NULL)
        AND coalesce(objection.locale = consent.locale, objection.locale IS NULL)
),

ended AS (
    SELECT
        consent_number,
        min(effective_dt) AS ended_dt,
        arg_min(loaded_dt, effective_dt) AS loaded_dt
    FROM covering
    WHERE effective_dt >= given_dt
    GROUP BY consent_number
),

standing AS (
    -- A withdrawal by another party before the consent holds until that party agrees, or the customer as one does.
    SELECT DISTINCT covering.consent_number
    FROM covering
    INNER JOIN consent ON covering.consent_number = consent.consent_number
    INNER JOIN joined ON covering.customer_key = joined.customer_key
    LEFT JOIN consent AS later
        ON consent.customer_key = later.customer_key
        AND consent.permission_kind = later.permission_kind
        AND coalesce(consent.communication, consent.communication_type) = coalesce(later.communication, later.communication_type)
        AND consent.channel = later.channel
        AND coalesce(later.brand = consent.brand, later.brand IS NULL)
        AND (consent.permission_kind = 'subscription' OR coalesce(later.locale = consent.locale, later.locale IS NULL))
        AND later.effective_dt > covering.effective_dt
        AND (later.speaker = covering.speaker OR later.effective_dt >= joined.joined_dt)
    WHERE covering.effect = 'withdrawal'
        AND covering.speaker <> consent.speaker
        AND covering.effective_dt < covering.given_dt
        AND later.consent_number IS NULL
),

lasted AS (
    SELECT
        consent.*,
        CASE
            WHEN standing.consent_number IS NOT NULL THEN consent.effective_dt
            -- A validity may be over before the consent is given: it lasted no time.
            WHEN consent.expires_dt < consent.effective_dt THEN consent.effective_dt
            ELSE least(ended.ended_dt, consent.expires_dt, consent.superseded_dt)
        END AS until_dt,
        ended.loaded_dt AS ended_loaded_dt
    FROM consent
    LEFT JOIN ended ON consent.consent_number = ended.consent_number
    LEFT JOIN standing ON consent.consent_number = standing.consent_number
),

keyed AS (
    SELECT
        * EXCLUDE (until_dt),
        -- What ends later than the run has not ended yet.
        CASE WHEN until_dt <= $as_of THEN until_dt END AS until_dt,
        CASE WHEN permission_kind = 'general' THEN coalesce(brand, '*') ELSE '' END AS brand_part,
        CASE WHEN permission_kind = 'general' THEN coalesce(locale, '*') ELSE '' END AS locale_part
    FROM lasted
),

touching AS (
    SELECT
        *,
        effective_dt > max(coalesce(until_dt, TIMESTAMPTZ '9999-01-01')) OVER (
            PARTITION BY customer_key, permission_kind, communication, communication_type, channel, brand_part, locale_part
            ORDER BY effective_dt, consent_number
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS is_apart
    FROM keyed
),

numbered AS (
    SELECT
        *,
        sum(CASE WHEN is_apart THEN 1 ELSE 0 END) OVER (
            PARTITION BY customer_key, permission_kind, communication, communication_type, channel, brand_part, locale_part
            ORDER BY effective_dt, consent_number
        ) AS spell_number,
        -- What a spell is told by: the consent in it that lasts longest, then the newest.
        row_number() OVER (
            PARTITION BY customer_key, permission_kind, communication, communication_type, channel, brand_part, locale_part
            ORDER BY coalesce(until_dt, TIMESTAMPTZ '9999-01-01'), effective_dt, consent_number
        ) AS telling_rank
    FROM touching
),

spell AS (
    SELECT
        max(telling_rank) AS telling_rank,
        customer_key, permission_kind, communication, communication_type, channel, brand_part, locale_part,
        min(effective_dt) AS subscribed_dt,
        CASE WHEN count(until_dt) = count(*) THEN max(until_dt) END AS unsubscribed_dt,
        min(taken_dt) AS created_dt,
        greatest(
            max(taken_dt),
            max(CASE WHEN until_dt IS NOT NULL THEN ended_loaded_dt END),
            max(CASE WHEN until_dt = expires_dt THEN expires_dt END)
        ) AS last_updated_dt
    FROM numbered
    GROUP BY customer_key, permission_kind, communication, communication_type, channel, brand_part, locale_part, spell_number
)

SELECT
    spell.customer_key,
    spell.permission_kind,
    spell.communication,
    spell.communication_type,
    spell.channel,
    telling.promotion_source,
    telling.brand,
    telling.locale,
    telling.language,
    telling.valid_until_date,
    telling.expires_dt,
    telling.subscription_period,
    telling.permission_id,
    telling.subscription_price_amount,
    telling.currency,
    telling.number_of_subscriptions,
    spell.subscribed_dt,
    spell.unsubscribed_dt,
    spell.created_dt,
    spell.last_updated_dt
FROM spell
INNER JOIN numbered AS telling
    ON spell.customer_key = telling.customer_key
    AND spell.permission_kind = telling.permission_kind
    AND coalesce(spell.communication, spell.communication_type) = coalesce(telling.communication, telling.communication_type)
    AND spell.channel = telling.channel
    AND spell.brand_part = telling.brand_part
    AND spell.locale_part = telling.locale_part
    AND spell.telling_rank = telling.telling_rank
