-- The mails of a part of a day of delivery, with their bytes.
-- Grain: one row per mail. Type: helper of the build of campaign.mail_report. Key: message_sha256.
SELECT once.message_sha256, once.source, once.file_dt, min(mails.raw) AS raw
FROM mail_once AS once
JOIN all_mail_messages AS mails ON mails.message_sha256 = once.message_sha256
WHERE CAST(once.file_dt AS DATE) = $day AND once.message_sha256 BETWEEN $first AND $last
  AND CAST(mails.file_dt AS DATE) = $day
GROUP BY once.message_sha256, once.source, once.file_dt
ORDER BY once.message_sha256
