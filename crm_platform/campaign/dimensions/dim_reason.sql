-- campaign.dim_reason: why something was not delivered or not sent. Grain: one row per reason. Type 1.
-- Key: reason_key, given to each reason_ref by build.py.
-- Reads: bounce_reason (reason, definition: reasons.yaml), not_sent_reason (reason: what members say).
SELECT
    concat('bounce/', reason) AS reason_ref,
    reason AS reason_name,
    'bounce' AS reason_kind,
    definition
FROM bounce_reason
UNION ALL
SELECT
    concat('not_sent/', reason),
    reason,
    'not_sent',
    'As the campaign system says.'
FROM not_sent_reason
