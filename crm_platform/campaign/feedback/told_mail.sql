-- told_mail: where each mail that came back stands, and when it was taken in first. A temporary table of the build, not a table of the
-- lake. Grain: one row per mail. Key: message_sha256.
-- Reads: every_mail_messages, sources.file_ledger.
SELECT message_sha256, source, feed, file_id, file_part, file_line, loaded_dt
FROM (
    SELECT
        every.message_sha256,
        every.source,
        every.feed,
        every.file_part,
        every.file_line,
        file_ledger.file_id,
        every.loaded_dt,
        row_number() OVER (
            PARTITION BY every.message_sha256 ORDER BY every.file_dt, every.source, every.feed, file_ledger.file_id, every.file_part, every.file_line
        ) AS place
    FROM every_mail_messages AS every
    INNER JOIN sources.file_ledger
        ON file_ledger.feed_name = concat(every.source, '.', every.feed) AND file_ledger.file_number = every.file_number
) AS told
WHERE place = 1
