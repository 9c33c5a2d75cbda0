-- campaign.bounce_score: bounces that do not prove the address to be no good, with the address's score after each. Type: record, rebuilt.
-- Grain: one row per address and day with a bounce, since the address was last alive. Key: recipient, evidence_id.
-- score = sum of points * 0.5 ^ (days since that bounce / half-life), over the address's bounces since it was last shown to be alive: by a
-- delivery, or by what its person did. A bounce at the moment of a delivery came after it. What happened after $as_of is not known.
-- Reads: campaign.event, campaign.mail_report, told_member (message_id, email), told_mail (message_sha256, loaded_dt),
-- kind_points (bounce_kind, points), pointless_reason (reason).
WITH told AS (
    SELECT
        recipient, event_id AS evidence_id, source, event_type, coalesce(bounce_kind, 'soft') AS bounce_kind, reason, event_dt,
        least(received_dt, loaded_dt) AS known_dt, loaded_dt, address_invalid,
        event_type IN ('delivered', 'unsubscribed', 'complained')
        OR (event_type IN ('opened', 'clicked') AND actor_class = 'human') AS is_alive
    FROM campaign.event
    WHERE channel = 'email' AND recipient IS NOT NULL AND event_dt <= $as_of
        AND event_type IN ('bounced', 'delivered', 'unsubscribed', 'complained', 'opened', 'clicked')
    UNION ALL
    SELECT
        told_member.email, concat(report.message_sha256, '/', report.recipient), report.source,
        CASE report.kind WHEN 'bounce' THEN 'bounced' ELSE 'delivered' END, coalesce(report.bounce_kind, 'soft'), report.reason,
        least(coalesce(report.event_dt, report.received_dt, report.file_dt), report.file_dt),
        least(coalesce(report.received_dt, report.file_dt), report.file_dt, told_mail.loaded_dt), told_mail.loaded_dt,
        report.address_invalid, report.kind = 'delivered'
    FROM campaign.mail_report AS report
    INNER JOIN told_member ON told_member.message_id = report.original_message_id
    INNER JOIN told_mail ON told_mail.message_sha256 = report.message_sha256
    WHERE report.kind IN ('bounce', 'delivered') AND told_member.email IS NOT NULL
        AND least(coalesce(report.event_dt, report.received_dt, report.file_dt), report.file_dt) <= $as_of
),
bounce AS (
    SELECT told.*, kind_points.points
    FROM told
    INNER JOIN kind_points ON kind_points.bounce_kind = told.bounce_kind
    WHERE told.event_type = 'bounced' AND NOT told.address_invalid AND kind_points.points > 0
        AND coalesce(told.reason, '') NOT IN (SELECT pointless_reason.reason FROM pointless_reason)
),
timeline AS (
    SELECT recipient, evidence_id, source, bounce_kind, reason, event_dt, known_dt, loaded_dt, points, FALSE AS is_alive FROM bounce
    UNION ALL
    SELECT recipient, evidence_id, NULL, NULL, NULL, event_dt, NULL, NULL, NULL, TRUE
    FROM told
    WHERE is_alive AND recipient IN (SELECT bounce.recipient FROM bounce)
),
spelled AS (
    SELECT
        *,
        count(CASE WHEN is_alive THEN 1 END) OVER (
            PARTITION BY recipient ORDER BY event_dt, is_alive DESC, evidence_id ROWS UNBOUNDED PRECEDING
        ) AS spell,
        min(CASE WHEN is_alive THEN event_dt END) OVER (
            PARTITION BY recipient ORDER BY event_dt, is_alive DESC, evidence_id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS revived_dt
    FROM timeline
),
counted AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY recipient, spell, CAST(event_dt AS DATE) ORDER BY points DESC, event_dt, evidence_id
        ) AS place
        FROM spelled
        WHERE NOT is_alive
    ) AS of_day
    WHERE place = 1
),
scored AS (
    SELECT
        counted.recipient,
        counted.evidence_id,
        max(earlier.known_dt) AS known_dt,
        max(earlier.loaded_dt) AS taken_dt,
        -- Rounded: in which order doubles are added is not defined.
        round(sum(earlier.points * power(0.5, (epoch(counted.event_dt) - epoch(earlier.event_dt)) / 86400.0 / $half_life_days)), 6) AS score
    FROM counted
    INNER JOIN counted AS earlier
        ON earlier.recipient = counted.recipient AND earlier.spell = counted.spell AND earlier.event_dt <= counted.event_dt
    GROUP BY counted.recipient, counted.evidence_id
)
SELECT
    counted.recipient,
    counted.evidence_id,
    counted.source,
    counted.bounce_kind,
    counted.reason,
    counted.event_dt,
    scored.known_dt,
    scored.taken_dt,
    CAST(counted.points AS DOUBLE) AS points,
    CAST(scored.score AS DOUBLE) AS score,
    CASE WHEN scored.score >= $threshold THEN counted.event_dt + to_days($suppressed_days) END AS suppressed_until_dt,
    counted.revived_dt
FROM counted
INNER JOIN scored ON scored.recipient = counted.recipient AND scored.evidence_id = counted.evidence_id
ORDER BY counted.recipient, counted.event_dt, counted.evidence_id
