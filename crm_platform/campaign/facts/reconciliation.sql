-- The facts of delivery beside what the campaign system says. Grain: one row per campaign, cell and day. Key: campaign_id, cell_id, due_day.
-- Type: helper of the check. Reads: all_campaign_members, campaign.fact_campaign_delivery.
WITH told AS (
    SELECT
        campaign_id,
        cell_id,
        CAST(coalesce(sent_dt, selected_dt) AS DATE) AS due_day,
        count(*) AS told_selected,
        count(sent_dt) AS told_sent
    FROM all_campaign_members
    GROUP BY ALL
),
counted AS (
    SELECT
        campaign_id,
        cell_id,
        CAST(due_dt AS DATE) AS due_day,
        count(*) AS selected,
        count(*) FILTER (WHERE delivery_status_key = 3) AS not_sent,
        count(*) FILTER (WHERE delivery_status_key = 1) AS delivered,
        count(*) FILTER (WHERE delivery_status_key = 0) AS failed,
        count(*) FILTER (WHERE delivery_status_key = 2) AS pending
    FROM campaign.fact_campaign_delivery
    GROUP BY ALL
)
SELECT
    coalesce(told.campaign_id, counted.campaign_id) AS campaign_id,
    coalesce(told.cell_id, counted.cell_id) AS cell_id,
    coalesce(told.due_day, counted.due_day) AS due_day,
    told.told_selected,
    told.told_sent,
    counted.selected,
    counted.not_sent,
    counted.delivered,
    counted.failed,
    counted.pending,
    coalesce(
        told.told_selected = counted.selected AND told.told_sent = counted.selected - counted.not_sent
        AND told.told_sent = counted.delivered + counted.failed + counted.pending,
        FALSE
    ) AS adds_up
FROM told
FULL JOIN counted ON counted.campaign_id = told.campaign_id AND counted.cell_id = told.cell_id AND counted.due_day = told.due_day
ORDER BY 1, 2, 3
