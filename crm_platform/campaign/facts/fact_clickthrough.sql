-- campaign.fact_clickthrough: each link of what was sent, for each recipient, clicked or not. Type: accumulating snapshot, rebuilt from the
-- events, a day at a time. Grain: one row per link of a communication for each recipient. Key: source, campaign_id, cell_id, member_id, url_key.
-- A click is of the link that it names; one that names none, of the link with its destination; else of url key 0.
-- Reads: course, told, send_customer, campaign.dim_campaign, dim_cell, dim_url, sources.dim_communication, dim_channel.
WITH recipient AS (
    SELECT source, campaign_id, cell_id, member_id, sent_dt FROM course WHERE due_day = $day AND sent_dt IS NOT NULL
),
click AS (
    SELECT told.*, coalesce(named.url_key, led.url_key, 0) AS url_key
    FROM told
    LEFT JOIN campaign.dim_url AS named ON named.campaign_id = told.campaign_id AND named.link_id = told.link_id
    LEFT JOIN (
        SELECT campaign_id, url, min(url_key) AS url_key FROM campaign.dim_url GROUP BY campaign_id, url
    ) AS led ON led.campaign_id = told.campaign_id AND led.url = told.url
    WHERE told.event_type = 'clicked'
),
clicked AS (
    SELECT
        source,
        campaign_id,
        cell_id,
        member_id,
        url_key,
        count(*) FILTER (WHERE actor_class = 'human') AS number_of_clicks,
        count(*) FILTER (WHERE actor_class IN ('machine', 'privacy_proxy')) AS number_of_machine_clicks,
        min(event_dt) FILTER (WHERE actor_class = 'human') AS first_clicked_dt,
        max(event_dt) AS last_clicked_dt
    FROM click
    GROUP BY source, campaign_id, cell_id, member_id, url_key
),
offered AS (
    SELECT recipient.*, dim_url.url_key
    FROM recipient
    INNER JOIN campaign.dim_url AS dim_url ON dim_url.campaign_id = recipient.campaign_id
    UNION ALL
    SELECT recipient.*, clicked.url_key
    FROM recipient
    INNER JOIN clicked
        ON clicked.source = recipient.source AND clicked.campaign_id = recipient.campaign_id AND clicked.cell_id = recipient.cell_id
        AND clicked.member_id = recipient.member_id
    WHERE clicked.url_key = 0
)
SELECT
    offered.source,
    offered.campaign_id,
    offered.cell_id,
    offered.member_id,
    coalesce(send_customer.customer_key, 0) AS customer_key,
    coalesce(dim_communication.communication_key, 0) AS communication_key,
    coalesce(dim_channel.channel_key, 0) AS channel_key,
    coalesce(planned.campaign_key, 0) AS campaign_key,
    coalesce(dim_cell.cell_key, 0) AS cell_key,
    offered.url_key,
    CAST(coalesce(clicked.number_of_clicks, 0) > 0 AS BIGINT) AS click_status,
    coalesce(clicked.number_of_clicks, 0) AS number_of_clicks,
    coalesce(clicked.number_of_machine_clicks, 0) AS number_of_machine_clicks,
    offered.sent_dt,
    clicked.first_clicked_dt,
    offered.sent_dt AS created_dt,
    greatest(offered.sent_dt, clicked.last_clicked_dt) AS last_updated_dt
FROM offered
LEFT JOIN clicked
    ON clicked.source = offered.source AND clicked.campaign_id = offered.campaign_id AND clicked.cell_id = offered.cell_id
    AND clicked.member_id = offered.member_id AND clicked.url_key = offered.url_key
LEFT JOIN send_customer
    ON send_customer.source = offered.source AND send_customer.campaign_id = offered.campaign_id
    AND send_customer.cell_id = offered.cell_id AND send_customer.member_id = offered.member_id
LEFT JOIN campaign.dim_campaign AS planned ON planned.campaign_id = offered.campaign_id
LEFT JOIN campaign.dim_cell AS dim_cell ON dim_cell.campaign_id = offered.campaign_id AND dim_cell.cell_id = offered.cell_id
LEFT JOIN sources.dim_communication AS dim_communication ON dim_communication.communication_code = planned.communication_code
LEFT JOIN sources.dim_channel AS dim_channel ON dim_channel.channel_code = planned.channel_code
ORDER BY offered.source, offered.campaign_id, offered.cell_id, offered.member_id, offered.url_key
