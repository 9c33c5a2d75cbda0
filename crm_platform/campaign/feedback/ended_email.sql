-- ended_email: e-mail addresses that a bounce proved to be no good, for scv.ended_identifier. A query of another stage's build, not a table.
-- Grain: one row per address: whoever it was written to for, it reaches nobody. Key: value.
-- An address that was delivered to, or whose person answered, after the bounce has revived: it has not ended.
-- Many mails name no message; what they say of an address counts where it was sent to. Anybody could write of others.
-- Reads: campaign.event, campaign.mail_report, told_member (message_id, email). What happened after $as_of is not known.
WITH refusal AS (
    SELECT recipient, event_dt, coalesce(reason, 'undefined') AS reason
    FROM campaign.event
    WHERE channel = 'email' AND event_type = 'bounced' AND address_invalid AND recipient IS NOT NULL
    UNION ALL
    SELECT report.recipient, least(coalesce(report.event_dt, report.received_dt, report.file_dt), report.file_dt), report.reason
    FROM campaign.mail_report AS report
    WHERE report.kind = 'bounce' AND report.address_invalid AND report.recipient IS NOT NULL
        AND (
            report.original_message_id IN (SELECT told_member.message_id FROM told_member)
            OR report.recipient IN (SELECT told_member.email FROM told_member)
        )
),
alive AS (
    SELECT recipient, max(event_dt) AS alive_dt
    FROM campaign.event
    WHERE channel = 'email' AND event_dt <= $as_of AND recipient IN (SELECT refusal.recipient FROM refusal)
        AND (event_type IN ('delivered', 'unsubscribed') OR (event_type IN ('opened', 'clicked') AND actor_class = 'human'))
    GROUP BY recipient
)
SELECT
    'email' AS kind,
    CAST(NULL AS VARCHAR) AS customer_ref,
    refusal.recipient AS value,
    CAST(NULL AS VARCHAR) AS country,
    max(refusal.event_dt) AS ended_dt,
    concat('bounce: ', min(refusal.reason)) AS reason
FROM refusal
LEFT JOIN alive ON alive.recipient = refusal.recipient
WHERE refusal.event_dt <= $as_of AND (alive.alive_dt IS NULL OR alive.alive_dt < refusal.event_dt)
GROUP BY refusal.recipient
