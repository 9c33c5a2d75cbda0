-- campaign.fact_campaign_delivery: each communication that a campaign was to send to each customer, and what became of it. Type: accumulating
-- snapshot, rebuilt from the events, a day at a time. Grain: one row per communication for each customer of a campaign.
-- Key: source, campaign_id, cell_id, member_id (the customer, communication, channel and time of sending).
-- Reads: course, send_customer, campaign.dim_campaign, dim_cell, dim_reason, sources.dim_communication, dim_channel, dim_brand, dim_locale,
-- silent_channel (channel, days: no word for so long means delivered), reporting_campaign (campaign_id: somebody tells of its deliveries).
WITH judged AS (
    SELECT
        course.*,
        planned.campaign_key,
        planned.communication_code,
        planned.channel_code,
        planned.brand_code,
        planned.locale_code,
        course.sent_dt IS NOT NULL AND course.status_rank = 0
            AND course.campaign_id NOT IN (SELECT reporting_campaign.campaign_id FROM reporting_campaign)
            AND CAST(course.sent_dt AS DATE) + CAST(silent_channel.days AS INTEGER) < CAST($as_of AS DATE) AS is_silent
    FROM course
    LEFT JOIN campaign.dim_campaign AS planned ON planned.campaign_id = course.campaign_id
    LEFT JOIN silent_channel ON silent_channel.channel = planned.channel_code
    WHERE course.due_day = $day
),
stated AS (
    SELECT
        *,
        CASE
            WHEN sent_dt IS NULL AND status_rank = 0 THEN 3
            WHEN status_rank IN (2, 4, 5) THEN 0
            WHEN status_rank = 3 OR coalesce(is_silent, FALSE) THEN 1
            ELSE 2
        END AS delivery_status_key
    FROM judged
)
SELECT
    stated.source,
    stated.campaign_id,
    stated.cell_id,
    stated.member_id,
    coalesce(send_customer.customer_key, 0) AS customer_key,
    coalesce(dim_communication.communication_key, 0) AS communication_key,
    coalesce(dim_channel.channel_key, 0) AS channel_key,
    coalesce(stated.campaign_key, 0) AS campaign_key,
    coalesce(dim_cell.cell_key, 0) AS cell_key,
    coalesce(dim_brand.brand_key, 0) AS brand_key,
    coalesce(dim_locale.locale_key, 0) AS locale_key,
    CAST(stated.delivery_status_key AS BIGINT) AS delivery_status_key,
    coalesce(dim_reason.reason_key, 0) AS reason_key,
    CASE
        WHEN stated.delivery_status_key = 3 THEN 'not_sent'
        WHEN stated.status_rank = 4 OR (stated.status_rank = 5 AND stated.reached_dt < stated.failed_dt) THEN 'returned_later'
        WHEN stated.delivery_status_key = 0 THEN 'bounced'
        WHEN stated.reported_dt IS NOT NULL THEN 'reported'
        WHEN stated.status_rank = 3 THEN 'answered'
        WHEN stated.delivery_status_key = 1 THEN 'no_word'
        ELSE 'told_so_far'
    END AS status_basis,
    CAST(stated.status_rank AS BIGINT) AS status_rank,
    CASE WHEN stated.delivery_status_key = 0 THEN stated.failure_kind END AS bounce_kind,
    CAST(coalesce(stated.is_address_invalid, FALSE) AS BIGINT) AS address_invalid_flag,
    coalesce(send_customer.found_by, 'none') AS customer_found_by,
    nullif(regexp_extract(stated.email, '@([^@]+)$', 1), '') AS email_domain,
    CAST(
        CASE
            WHEN coalesce(stated.number_of_opens, 0) + coalesce(stated.number_of_clicks, 0) > 0 THEN 1
            WHEN stated.number_of_proxy_opens > 0 THEN 2
            ELSE 0
        END AS BIGINT
    ) AS open_status,
    coalesce(stated.number_of_opens, 0) AS number_of_opens,
    coalesce(stated.number_of_proxy_opens, 0) AS number_of_proxy_opens,
    coalesce(stated.number_of_machine_opens, 0) AS number_of_machine_opens,
    coalesce(stated.number_of_clicks, 0) AS number_of_clicks,
    coalesce(stated.number_of_machine_clicks, 0) AS number_of_machine_clicks,
    coalesce(stated.number_of_soft_bounces, 0) AS number_of_soft_bounces,
    CAST(stated.complained_dt IS NOT NULL AS BIGINT) AS complaint_flag,
    CAST(stated.unsubscribed_dt IS NOT NULL AS BIGINT) AS unsubscribe_flag,
    stated.due_dt,
    stated.selected_dt,
    stated.sent_dt,
    coalesce(stated.reported_dt, stated.answered_dt) AS delivered_dt,
    stated.failed_dt AS bounced_dt,
    stated.first_opened_dt,
    stated.first_clicked_dt,
    stated.complained_dt,
    stated.unsubscribed_dt,
    stated.selected_dt AS created_dt,
    greatest(stated.selected_dt, stated.sent_dt, stated.last_event_dt) AS last_updated_dt
FROM stated
LEFT JOIN send_customer
    ON send_customer.source = stated.source AND send_customer.campaign_id = stated.campaign_id
    AND send_customer.cell_id = stated.cell_id AND send_customer.member_id = stated.member_id
LEFT JOIN campaign.dim_cell AS dim_cell ON dim_cell.campaign_id = stated.campaign_id AND dim_cell.cell_id = stated.cell_id
LEFT JOIN campaign.dim_reason AS dim_reason
    ON dim_reason.reason_ref = CASE
        WHEN stated.delivery_status_key = 0 THEN concat('bounce/', stated.failure_reason)
        WHEN stated.delivery_status_key = 3 AND stated.not_sent_reason IS NOT NULL THEN concat('not_sent/', stated.not_sent_reason)
    END
LEFT JOIN sources.dim_communication AS dim_communication ON dim_communication.communication_code = stated.communication_code
LEFT JOIN sources.dim_channel AS dim_channel ON dim_channel.channel_code = stated.channel_code
LEFT JOIN sources.dim_brand AS dim_brand ON dim_brand.brand_code = stated.brand_code
LEFT JOIN sources.dim_locale AS dim_locale ON dim_locale.locale_code = stated.locale_code
ORDER BY stated.source, stated.campaign_id, stated.cell_id, stated.member_id
