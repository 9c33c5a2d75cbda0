-- campaign.objection: complaints and unsubscribes out of the answers to what was sent. Type 0: what was told is never untold.
-- Grain: one row per complaint or unsubscription. Key: event_id.
-- Calls are left out: permission hears them itself. A mail that names no message of ours is about the address that it names.
-- Reads: campaign.event, campaign.mail_report, campaign.dim_campaign, sources.dim_communication, sources.file_ledger,
-- told_member (message_id, campaign_id, customer_ref, email), told_mail (message_sha256, where it stands).
WITH delivered AS (
    SELECT file_id, min(feed_name) AS feed_name FROM sources.file_ledger GROUP BY file_id
),
answer AS (
    SELECT
        event.event_id,
        CASE
            WHEN event.event_type = 'complained' THEN 'complaint'
            WHEN event.method = 'POST' OR lower(event.provider_type) LIKE 'list_unsub%' THEN 'list_unsubscribe'
            ELSE 'opt_out'
        END AS event_type,
        event.customer_ref,
        event.recipient AS email,
        event.campaign_id,
        coalesce(event.method, CASE WHEN event.event_type = 'complained' THEN 'feedback loop' END, event.provider) AS request_method,
        event.source,
        coalesce(nullif(substr(delivered.feed_name, length(event.source) + 2), ''), event.provider) AS feed,
        event.event_dt,
        event.received_dt AS told_dt,
        event.loaded_dt,
        event.file_id,
        event.file_part,
        event.file_line
    FROM campaign.event AS event
    LEFT JOIN delivered ON delivered.file_id = event.file_id
    WHERE event.channel = 'email' AND event.event_type IN ('complained', 'unsubscribed')
    UNION ALL
    SELECT
        concat(report.message_sha256, '/', report.recipient),
        'complaint',
        told_member.customer_ref,
        coalesce(told_member.email, nullif(report.original_recipient, ''), nullif(report.recipient, '')),
        told_member.campaign_id,
        'feedback loop',
        told_mail.source,
        told_mail.feed,
        least(coalesce(report.event_dt, report.received_dt, report.file_dt), report.file_dt),
        least(coalesce(report.received_dt, report.file_dt), report.file_dt),
        told_mail.loaded_dt,
        told_mail.file_id,
        told_mail.file_part,
        told_mail.file_line
    FROM campaign.mail_report AS report
    INNER JOIN told_mail ON told_mail.message_sha256 = report.message_sha256
    LEFT JOIN told_member ON told_member.message_id = report.original_message_id
    WHERE report.kind = 'complaint'
)
SELECT
    concat(answer.source, '.', answer.feed, ':', answer.event_id) AS event_id,
    answer.event_type,
    answer.customer_ref,
    answer.email,
    answer.campaign_id,
    dim_communication.communication_code AS communication,
    CASE WHEN dim_communication.communication_code IS NULL THEN planned.brand_code END AS brand,
    answer.request_method,
    answer.source,
    answer.feed,
    answer.event_dt,
    least(answer.told_dt, answer.loaded_dt) AS told_dt,
    answer.loaded_dt,
    answer.file_id,
    answer.file_part,
    answer.file_line
FROM answer
LEFT JOIN campaign.dim_campaign AS planned ON planned.campaign_id = answer.campaign_id
LEFT JOIN sources.dim_communication AS dim_communication ON dim_communication.communication_code = planned.communication_code
ORDER BY 1
