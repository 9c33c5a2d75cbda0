-- contact_event: what came of messages by SMS, post, telephone and banner, in the vocabulary of campaign.event.
-- Grain: one row per event of a row that arrived; a banner that was clicked has two. Type: a step of campaign.event, not a table of
-- the lake. Key: event_id, file_id, file_part, file_line.
-- Reads: arrived_sms_receipts, arrived_returned_post, arrived_call_outcomes, arrived_banner_impressions.
WITH contacts AS (
    SELECT
        'sms' AS channel, 'sms_receipts' AS provider, concat_ws(chr(31), receipt_id, status) AS named, status AS provider_type,
        CASE status WHEN 'delivered' THEN 'delivered' ELSE 'bounced' END AS event_type,
        CASE status WHEN 'rejected' THEN 'hard' WHEN 'delivered' THEN NULL ELSE 'soft' END AS bounce_kind,
        CASE status WHEN 'expired' THEN 'expired' WHEN 'delivered' THEN NULL ELSE 'undefined' END AS reason,
        coalesce(status = 'rejected', FALSE) AS address_invalid,
        reason AS evidence, phone AS recipient, source, customer_source, customer_id, campaign_id, event_dt, file_dt,
        loaded_dt, file_id, file_part, file_line
    FROM arrived_sms_receipts
    UNION ALL
    SELECT
        'post', 'returned_post', item_id, reason, 'bounced',
        CASE WHEN lower(reason) = 'refused' THEN 'soft' ELSE 'hard' END,
        CASE
            WHEN lower(reason) LIKE '%moved%' THEN 'hasmoved'
            WHEN lower(reason) = 'refused' THEN 'filtered'
            WHEN lower(reason) LIKE '%unknown%' OR lower(reason) LIKE '%no such%' THEN 'userunknown'
            ELSE 'undefined'
        END,
        coalesce(lower(reason) <> 'refused', FALSE),
        reason, NULL, source, customer_source, customer_id, campaign_id, CAST(returned_date AS TIMESTAMP) AT TIME ZONE 'UTC', file_dt,
        loaded_dt, file_id, file_part, file_line
    FROM arrived_returned_post
    UNION ALL
    SELECT
        'telephone', 'call_outcomes', concat_ws(chr(31), call_id, outcome), outcome,
        CASE outcome
            WHEN 'wrong_number' THEN 'bounced' WHEN 'no_answer' THEN 'deferred' WHEN 'busy' THEN 'deferred'
            WHEN 'do_not_call' THEN 'unsubscribed' ELSE 'delivered'
        END,
        CASE outcome WHEN 'wrong_number' THEN 'hard' WHEN 'no_answer' THEN 'soft' WHEN 'busy' THEN 'soft' END,
        CASE outcome WHEN 'wrong_number' THEN 'userunknown' WHEN 'no_answer' THEN 'expired' WHEN 'busy' THEN 'expired' END,
        coalesce(outcome = 'wrong_number', FALSE),
        outcome, phone, source, customer_source, customer_id, campaign_id, event_dt, file_dt, loaded_dt, file_id, file_part,
        file_line
    FROM arrived_call_outcomes
    UNION ALL
    SELECT
        'web', 'banner_impressions', concat_ws(chr(31), impression_id, shown.event_type), placement, shown.event_type, NULL, NULL, FALSE,
        NULL, NULL, source, customer_source, customer_id, campaign_id, event_dt, file_dt, loaded_dt, file_id, file_part, file_line
    FROM arrived_banner_impressions
    JOIN (VALUES ('delivered'), ('clicked')) AS shown (event_type) ON shown.event_type = 'delivered' OR has_click
)
SELECT
    substr(sha256(concat_ws(chr(31), provider, source, named)), 1, 32) AS event_id,
    event_type, channel, provider, provider_type, recipient,
    CAST(NULL AS VARCHAR) AS original_message_id,
    source,
    customer_source || ':' || customer_id AS customer_ref,
    campaign_id,
    CAST(NULL AS VARCHAR) AS member_id,
    CAST(NULL AS VARCHAR) AS link_id,
    CAST(NULL AS VARCHAR) AS url,
    bounce_kind, reason, address_invalid,
    CAST(NULL AS VARCHAR) AS status,
    CASE WHEN event_type IN ('bounced', 'deferred') THEN provider || ':' || provider_type END AS rule,
    evidence,
    FALSE AS is_proxy,
    CAST(NULL AS VARCHAR) AS method,
    CAST(NULL AS VARCHAR) AS user_agent,
    CAST(NULL AS VARCHAR) AS network,
    CAST(NULL AS VARCHAR) AS ip_hash,
    event_dt,
    file_dt AS received_dt,
    loaded_dt, file_id, file_part, file_line
FROM contacts
