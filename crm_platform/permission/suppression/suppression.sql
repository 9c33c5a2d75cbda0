-- permission.suppression: what keeps customers from being sent to by a channel. Grain: one row per suppression. Type 1, with dates.
-- Key: suppression_id, which follows from what it came of.
-- Reads: permission.consent_event (complaints), scv.dim_customer_history (addresses that have ended, deleted customers),
-- further_suppression (of other stages), suppressed_channel (channel: ended by a complaint), every_channel (channel),
-- undone (suppression_id, undone_by).
WITH complaints AS (
    SELECT
        concat(consent_event.event_id, '/', consent_event.customer_key, '/', suppressed_channel.channel) AS named,
        consent_event.customer_key,
        consent_event.party,
        'complained' AS reason,
        suppressed_channel.channel,
        TRUE AS is_ended_by_consent,
        consent_event.source,
        consent_event.event_id AS evidence_id,
        consent_event.effective_dt AS since_dt,
        consent_event.known_dt,
        consent_event.taken_dt,
        consent_event.effective_dt + to_months($complaint_months) AS expires_dt,
        CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS lifted_dt,
        CAST(NULL AS VARCHAR) AS lifted_by
    FROM permission.consent_event
    CROSS JOIN suppressed_channel
    WHERE consent_event.event_type = 'complaint'
),

states AS (
    SELECT customer_key, valid_from_dt, 'invalid_address' AS reason, 'email' AS channel, is_email_ended AS holds
    FROM scv.dim_customer_history
    WHERE $invalid_address
    UNION ALL
    SELECT customer_key, valid_from_dt, 'invalid_address', 'sms', is_mobile_phone_ended
    FROM scv.dim_customer_history
    WHERE $invalid_address
    UNION ALL
    SELECT customer_key, valid_from_dt, 'invalid_address', 'post', is_address_ended
    FROM scv.dim_customer_history
    WHERE $invalid_address
    UNION ALL
    -- The telephone rings as long as one of the numbers does.
    SELECT
        customer_key,
        valid_from_dt,
        'invalid_address',
        'telephone',
        (is_phone_ended OR is_mobile_phone_ended) AND (phone IS NULL OR is_phone_ended) AND (mobile_phone IS NULL OR is_mobile_phone_ended)
    FROM scv.dim_customer_history
    WHERE $invalid_address
    UNION ALL
    SELECT dim_customer_history.customer_key, dim_customer_history.valid_from_dt, 'customer_deleted', every_channel.channel, is_deleted
    FROM scv.dim_customer_history
    CROSS JOIN every_channel
    WHERE $deleted_customer
),

turns AS (
    SELECT *
    FROM (
        SELECT
            *,
            lag(holds, 1, FALSE) OVER (PARTITION BY customer_key, reason, channel ORDER BY valid_from_dt) AS held_before
        FROM states
    ) AS compared
    WHERE holds <> held_before
),

by_state AS (
    SELECT *
    FROM (
        SELECT
            *,
            lead(valid_from_dt) OVER (PARTITION BY customer_key, reason, channel ORDER BY valid_from_dt) AS lifted_dt
        FROM turns
    ) AS dated
    WHERE holds
),

suppressions AS (
    SELECT * FROM complaints
    UNION ALL
    SELECT
        concat(reason, '/', customer_key, '/', channel, '/', epoch_us(valid_from_dt)),
        customer_key,
        NULL,
        reason,
        channel,
        FALSE,
        'scv.dim_customer_history',
        CAST(customer_key AS VARCHAR),
        valid_from_dt,
        valid_from_dt,
        valid_from_dt,
        CASE WHEN reason = 'invalid_address' THEN valid_from_dt + to_months($invalid_months) END,
        lifted_dt,
        CASE
            WHEN lifted_dt IS NULL THEN NULL
            WHEN reason = 'invalid_address' THEN 'a new address'
            ELSE 'known to a source again'
        END
    FROM by_state
    UNION ALL
    SELECT * FROM further_suppression
)

SELECT
    md5(suppressions.named) AS suppression_id,
    suppressions.customer_key,
    suppressions.party,
    suppressions.reason,
    suppressions.channel,
    suppressions.is_ended_by_consent,
    suppressions.source,
    suppressions.evidence_id,
    suppressions.since_dt,
    suppressions.known_dt,
    suppressions.taken_dt,
    suppressions.expires_dt,
    CASE WHEN undone.suppression_id IS NOT NULL THEN suppressions.since_dt ELSE suppressions.lifted_dt END AS lifted_dt,
    coalesce(undone.undone_by, suppressions.lifted_by) AS lifted_by
FROM suppressions
LEFT JOIN undone ON md5(suppressions.named) = undone.suppression_id
ORDER BY suppressions.customer_key, suppression_id
