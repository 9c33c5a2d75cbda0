-- call_statement: objections that were heard on the telephone. A step of consent_event, not a table.
-- Grain: one row per version of a call and channel objected to. Key: event_id, file_id, file_part, file_line.
-- Reads: every_call_outcomes, sources.file_ledger, objecting_outcome (outcome), objected_channel (channel).
SELECT
    concat(every.source, '.', every.feed, ':', every.call_id, '/', objected_channel.channel) AS event_id,
    every.source,
    every.feed,
    'opt_out' AS event_type,
    concat(every.customer_source, ':', every.customer_id) AS customer_ref,
    every.customer_id IS NOT NULL AS has_customer_id,
    CAST(NULL AS VARCHAR) AS email,
    every.phone,
    CAST(NULL AS VARCHAR) AS permission_kind,
    CAST(NULL AS VARCHAR) AS communication,
    CAST(NULL AS VARCHAR) AS communication_type,
    objected_channel.channel,
    CAST(NULL AS VARCHAR) AS brand,
    CAST(NULL AS VARCHAR) AS locale,
    CAST(NULL AS VARCHAR) AS language,
    CAST(NULL AS VARCHAR) AS promotion_source,
    CAST(NULL AS VARCHAR) AS subscription_period,
    CAST(NULL AS VARCHAR) AS permission_id,
    CAST(NULL AS DECIMAL(18, 4)) AS subscription_price_amount,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS BIGINT) AS number_of_subscriptions,
    CAST(NULL AS VARCHAR) AS wording_version,
    every.outcome AS form,
    'telephone' AS request_method,
    CAST(NULL AS VARCHAR) AS ip_address,
    CAST(NULL AS DATE) AS valid_until_date,
    every.event_dt,
    every.event_dt AS received_dt,
    least(every.event_dt, every.loaded_dt) AS told_dt,
    every.loaded_dt,
    file_ledger.file_id,
    every.file_part,
    every.file_line
FROM every_call_outcomes AS every
INNER JOIN sources.file_ledger
    ON file_ledger.feed_name = concat(every.source, '.', every.feed) AND file_ledger.file_number = every.file_number
INNER JOIN objecting_outcome ON every.outcome = objecting_outcome.outcome
CROSS JOIN objected_channel
