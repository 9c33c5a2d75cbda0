-- registration_statement: ticks on registration forms, and ticks taken away. A step of consent_event, not a table.
-- Grain: one row per change of the tick and channel that it permits. Key: event_id.
-- Reads: every_registrations, sources.file_ledger, tick_permission (communication_type, channel).
-- A version that repeats the tick says nothing new: dated by its change it would outlive a withdrawal in between.
WITH versions AS (
    SELECT
        every.*,
        file_ledger.file_id,
        coalesce(every.updated_dt, every.registered_dt, every.file_dt) AS stated_dt
    FROM every_registrations AS every
    INNER JOIN sources.file_ledger
        ON file_ledger.feed_name = concat(every.source, '.', every.feed) AND file_ledger.file_number = every.file_number
    WHERE every.has_marketing_consent IS NOT NULL
),

ticks AS (
    SELECT
        *,
        row_number() OVER version_order AS version_number,
        lag(has_marketing_consent) OVER version_order AS ticked_before
    FROM versions
    WINDOW version_order AS (PARTITION BY source, feed, registration_id ORDER BY stated_dt, loaded_dt, file_id, file_part, file_line)
),

changes AS (
    SELECT
        *,
        CASE WHEN version_number = 1 THEN coalesce(registered_dt, stated_dt) ELSE stated_dt END AS changed_dt
    FROM ticks
    WHERE has_marketing_consent IS DISTINCT FROM coalesce(ticked_before, FALSE)
)

SELECT
    concat(changes.source, '.', changes.feed, ':', changes.registration_id, '#', changes.version_number, '/', tick_permission.channel)
        AS event_id,
    changes.source,
    changes.feed,
    CASE WHEN changes.has_marketing_consent THEN 'opt_in' ELSE 'opt_out' END AS event_type,
    concat(changes.customer_source, ':', changes.customer_id) AS customer_ref,
    changes.customer_id IS NOT NULL AS has_customer_id,
    changes.email,
    changes.phone,
    'general' AS permission_kind,
    CAST(NULL AS VARCHAR) AS communication,
    tick_permission.communication_type,
    tick_permission.channel,
    changes.brand,
    changes.locale,
    changes.language,
    changes.promotion_source,
    CAST(NULL AS VARCHAR) AS subscription_period,
    CAST(NULL AS VARCHAR) AS permission_id,
    CAST(NULL AS DECIMAL(18, 4)) AS subscription_price_amount,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS BIGINT) AS number_of_subscriptions,
    changes.wording_version,
    coalesce(changes.form, 'registration') AS form,
    'registration form' AS request_method,
    changes.ip_address,
    CAST(NULL AS DATE) AS valid_until_date,
    changes.changed_dt AS event_dt,
    changes.changed_dt AS received_dt,
    least(changes.changed_dt, changes.loaded_dt) AS told_dt,
    changes.loaded_dt,
    changes.file_id,
    changes.file_part,
    changes.file_line
FROM changes
CROSS JOIN tick_permission
