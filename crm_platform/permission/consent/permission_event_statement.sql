-- permission_event_statement: what the collecting systems tell of consent, every version. A step of consent_event, not a table.
-- Grain: one row per version of an event. Key: event_id, file_id, file_part, file_line.
-- Reads: every_permission_events, sources.file_ledger.
SELECT
    concat(every.source, '.', every.feed, ':', every.event_id) AS event_id,
    every.source,
    every.feed,
    every.event_type,
    concat(every.customer_source, ':', every.customer_id) AS customer_ref,
    every.customer_id IS NOT NULL AS has_customer_id,
    every.email,
    every.phone,
    every.permission_kind,
    every.communication,
    every.communication_type,
    every.channel,
    every.brand,
    every.locale,
    every.language,
    every.promotion_source,
    every.subscription_period,
    every.permission_id,
    every.subscription_price_amount,
    every.currency,
    every.number_of_subscriptions,
    every.wording_version,
    every.form,
    every.request_method,
    every.ip_address,
    every.valid_until_date,
    every.event_dt,
    every.received_dt,
    least(coalesce(every.received_dt, every.file_dt), every.loaded_dt) AS told_dt,
    every.loaded_dt,
    file_ledger.file_id,
    every.file_part,
    every.file_line
FROM every_permission_events AS every
INNER JOIN sources.file_ledger
    ON file_ledger.feed_name = concat(every.source, '.', every.feed) AND file_ledger.file_number = every.file_number
