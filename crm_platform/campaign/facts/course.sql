-- course: what is known of each thing sent, put together. A temporary table of the build, not a table of the lake.
-- Grain: one row per member of the days that are made anew. Key: source, campaign_id, cell_id, member_id.
-- The rank of the evidence decides, not the order in which it came: 0 nothing, 1 delayed, 2 failed before anything showed that it had arrived,
-- 3 arrived, 4 returned after that, 5 the address is refused for good. More evidence never lowers it.
-- Reads: send, told.
WITH shown AS (
    SELECT
        source,
        campaign_id,
        cell_id,
        member_id,
        min(event_dt) FILTER (WHERE event_type = 'delivered') AS reported_dt,
        min(event_dt) FILTER (WHERE event_type IN ('opened', 'clicked', 'complained', 'unsubscribed')) AS answered_dt,
        min(event_dt) FILTER (WHERE event_type IN ('delivered', 'opened', 'clicked', 'complained', 'unsubscribed')) AS reached_dt,
        min(event_dt) FILTER (WHERE event_type = 'complained') AS complained_dt,
        min(event_dt) FILTER (WHERE event_type = 'unsubscribed') AS unsubscribed_dt,
        min(event_dt) FILTER (WHERE event_type IN ('opened', 'clicked') AND actor_class = 'human') AS first_opened_dt,
        min(event_dt) FILTER (WHERE event_type = 'clicked' AND actor_class = 'human') AS first_clicked_dt,
        count(*) FILTER (WHERE event_type = 'opened' AND actor_class = 'human') AS number_of_opens,
        count(*) FILTER (WHERE event_type = 'opened' AND actor_class = 'privacy_proxy') AS number_of_proxy_opens,
        count(*) FILTER (WHERE event_type = 'opened' AND actor_class = 'machine') AS number_of_machine_opens,
        count(*) FILTER (WHERE event_type = 'clicked' AND actor_class = 'human') AS number_of_clicks,
        count(*) FILTER (WHERE event_type = 'clicked' AND actor_class IN ('machine', 'privacy_proxy')) AS number_of_machine_clicks,
        count(*) FILTER (
            WHERE event_type = 'deferred' OR (event_type = 'bounced' AND bounce_kind IS DISTINCT FROM 'hard')
        ) AS number_of_soft_bounces,
        bool_or(event_type = 'bounced' AND coalesce(address_invalid, FALSE)) AS is_address_invalid,
        max(event_dt) AS last_event_dt
    FROM told
    GROUP BY source, campaign_id, cell_id, member_id
),
failure AS (
    SELECT
        told.source,
        told.campaign_id,
        told.cell_id,
        told.member_id,
        told.event_dt,
        coalesce(told.reason, 'undefined') AS reason,
        coalesce(told.bounce_kind, CASE told.event_type WHEN 'bounced' THEN 'soft' ELSE 'suppressed' END) AS bounce_kind,
        CASE
            WHEN told.event_type = 'bounced' AND told.bounce_kind = 'hard' THEN 5
            WHEN told.event_dt > shown.reached_dt THEN 4
            ELSE 2
        END AS status_rank
    FROM told
    INNER JOIN shown
        ON shown.source = told.source AND shown.campaign_id = told.campaign_id AND shown.cell_id = told.cell_id
        AND shown.member_id = told.member_id
    WHERE told.event_type IN ('bounced', 'rejected', 'failed')
),
worst AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY source, campaign_id, cell_id, member_id ORDER BY status_rank DESC, event_dt, reason, bounce_kind
        ) AS place
        FROM failure
    ) AS ordered
    WHERE place = 1
)
SELECT
    send.*,
    shown.reported_dt,
    shown.answered_dt,
    shown.reached_dt,
    shown.complained_dt,
    shown.unsubscribed_dt,
    shown.first_opened_dt,
    shown.first_clicked_dt,
    shown.number_of_opens,
    shown.number_of_proxy_opens,
    shown.number_of_machine_opens,
    shown.number_of_clicks,
    shown.number_of_machine_clicks,
    shown.number_of_soft_bounces,
    shown.is_address_invalid,
    shown.last_event_dt,
    worst.event_dt AS failed_dt,
    worst.reason AS failure_reason,
    worst.bounce_kind AS failure_kind,
    greatest(
        coalesce(worst.status_rank, 0),
        CASE WHEN shown.reached_dt IS NOT NULL THEN 3 WHEN coalesce(shown.number_of_soft_bounces, 0) > 0 THEN 1 ELSE 0 END
    ) AS status_rank
FROM send
LEFT JOIN shown
    ON shown.source = send.source AND shown.campaign_id = send.campaign_id AND shown.cell_id = send.cell_id
    AND shown.member_id = send.member_id
LEFT JOIN worst
    ON worst.source = send.source AND worst.campaign_id = send.campaign_id AND worst.cell_id = send.cell_id
    AND worst.member_id = send.member_id
WHERE send.is_wanted
