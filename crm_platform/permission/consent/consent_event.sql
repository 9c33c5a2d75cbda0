-- permission.consent_event: the events that count, with their proof. Grain: one row per event and customer. Type 0: what was
-- said is never unsaid; whose it is and what was found wrong with it are as of the run. Key: event_id, customer_key.
-- Reads: judged_statement, validity_end (locale, valid_until_date, expires_dt). In the order of the customers, so that one
-- customer's events stand together in the file.
SELECT
    judged_statement.event_id,
    judged_statement.customer_key,
    judged_statement.party,
    judged_statement.event_type,
    judged_statement.effect,
    judged_statement.permission_kind,
    judged_statement.communication,
    judged_statement.communication_type,
    judged_statement.channel,
    judged_statement.brand,
    judged_statement.locale,
    concat_ws(
        '/',
        coalesce(judged_statement.permission_kind, '*'),
        coalesce(judged_statement.communication, '*'),
        coalesce(judged_statement.communication_type, '*'),
        coalesce(judged_statement.channel, '*'),
        coalesce(judged_statement.brand, '*'),
        coalesce(judged_statement.locale, '*')
    ) AS scope,
    judged_statement.language,
    judged_statement.promotion_source,
    judged_statement.subscription_period,
    judged_statement.permission_id,
    judged_statement.subscription_price_amount,
    judged_statement.currency,
    judged_statement.number_of_subscriptions,
    judged_statement.effective_dt,
    epoch_us(judged_statement.effective_dt) * 8 + CASE
        WHEN judged_statement.effect = 'request' THEN 0
        WHEN judged_statement.effect = 'grant' THEN 1
        WHEN judged_statement.effect = 'end' THEN 4
        WHEN judged_statement.event_type = 'global_opt_out' THEN 7
        WHEN judged_statement.event_type = 'complaint' THEN 6
        ELSE 5
    END AS event_order,
    judged_statement.event_dt,
    judged_statement.received_dt,
    judged_statement.loaded_dt,
    judged_statement.known_dt,
    judged_statement.taken_dt,
    judged_statement.valid_until_date,
    CASE WHEN judged_statement.effect = 'grant' THEN validity_end.expires_dt END AS expires_dt,
    judged_statement.request_event_id,
    judged_statement.wording_version,
    judged_statement.form,
    judged_statement.request_method,
    CASE
        WHEN judged_statement.ip_address IS NOT NULL AND $hash_key <> ''
            THEN sha256(concat($hash_key, sha256(concat($hash_key, judged_statement.ip_address))))
    END AS ip_hash,
    judged_statement.source,
    judged_statement.feed,
    judged_statement.file_id,
    judged_statement.file_part,
    judged_statement.file_line
FROM judged_statement
LEFT JOIN validity_end
    ON judged_statement.valid_until_date = validity_end.valid_until_date
    AND coalesce(judged_statement.told_locale, '') = validity_end.locale
WHERE judged_statement.refusal IS NULL
ORDER BY judged_statement.customer_key, judged_statement.effective_dt, judged_statement.event_id
