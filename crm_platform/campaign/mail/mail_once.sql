-- Each mail once, whatever sources delivered it and how often: as it came first.
-- Grain: one row per mail. Type: helper of the build of campaign.mail_report. Key: message_sha256.
SELECT message_sha256, min(source) AS source, min(file_dt) AS file_dt, min(size_bytes) AS size_bytes
FROM all_mail_messages
GROUP BY message_sha256
