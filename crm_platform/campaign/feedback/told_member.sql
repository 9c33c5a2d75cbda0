-- told_member: whom each message that a mail reports on was sent to. A temporary table of the build, not a table of the lake.
-- Grain: one row per message. Key: message_id (without angle brackets).
-- Reads: campaign.mail_report, member_version (the members of campaigns in every version that was told).
SELECT
    message_id,
    min(campaign_id) AS campaign_id,
    min(customer_ref) AS customer_ref,
    min(lower(email)) AS email
FROM member_version
WHERE sent_dt IS NOT NULL AND message_id IN (SELECT report.original_message_id FROM campaign.mail_report AS report)
GROUP BY message_id
