-- The days of delivery whose mails are not the mails of campaign.mail_report: new ones, and those that changed.
-- Grain: one row per day (UTC) of delivery. Type: helper of the build of campaign.mail_report. Key: file_date.
SELECT DISTINCT coalesce(come.file_date, told.file_date) AS file_date
FROM (
    SELECT message_sha256, CAST(file_dt AS DATE) AS file_date FROM mail_once
) AS come
FULL JOIN (
    SELECT DISTINCT message_sha256, file_date FROM campaign.mail_report
) AS told ON told.message_sha256 = come.message_sha256 AND told.file_date = come.file_date
WHERE come.message_sha256 IS NULL OR told.message_sha256 IS NULL
ORDER BY 1
