-- campaign.campaign_results: what came of each cell of each campaign. Type: mart, rebuilt. Grain: one row per cell of a campaign.
-- Key: campaign_id, cell_id.
-- The counts, and the rates that money and orders have; rates.sql adds the others.
-- Reads: campaign.fact_campaign_delivery, fact_campaign_order, dim_campaign, dim_cell, sources.dim_communication, dim_channel,
-- exchange_rate (currency, from_date, until_date, rate). $currency is the company's.
WITH counted AS (
    SELECT
        fact.campaign_id,
        fact.cell_id,
        min(fact.due_dt) AS first_due_dt,
        count(*) AS number_selected,
        count(*) FILTER (WHERE fact.delivery_status_key = 3) AS number_not_sent,
        count(*) FILTER (WHERE fact.delivery_status_key < 3) AS number_sent,
        count(*) FILTER (WHERE fact.delivery_status_key = 1) AS number_delivered,
        count(*) FILTER (WHERE fact.delivery_status_key = 0) AS number_failed,
        count(*) FILTER (WHERE fact.delivery_status_key = 2) AS number_pending,
        count(*) FILTER (WHERE fact.bounce_kind = 'hard') AS number_hard_bounced,
        count(*) FILTER (WHERE fact.bounce_kind <> 'hard') AS number_soft_bounced,
        CAST(sum(fact.complaint_flag) AS BIGINT) AS number_complained,
        CAST(sum(fact.unsubscribe_flag) AS BIGINT) AS number_unsubscribed,
        count(*) FILTER (WHERE fact.open_status = 1) AS number_opened,
        count(*) FILTER (WHERE fact.open_status > 0 OR fact.number_of_machine_opens > 0) AS number_opened_raw,
        count(*) FILTER (WHERE fact.number_of_clicks > 0) AS number_clicked,
        count(*) FILTER (WHERE fact.number_of_clicks + fact.number_of_machine_clicks > 0) AS number_clicked_raw
    FROM campaign.fact_campaign_delivery AS fact
    GROUP BY fact.campaign_id, fact.cell_id
),
ordered AS (
    SELECT
        campaign_id,
        cell_id,
        count(DISTINCT member_id) FILTER (WHERE line_type = 'sale') AS number_converted,
        count(DISTINCT concat(source, '/', order_id)) AS number_of_orders,
        sum(company_amount) AS revenue_amount
    FROM campaign.fact_campaign_order
    WHERE member_id IS NOT NULL
    GROUP BY campaign_id, cell_id
),
sent_by_campaign AS (
    SELECT campaign_id, sum(number_sent) AS number_sent, min(first_due_dt) AS first_due_dt FROM counted GROUP BY campaign_id
),
cost AS (
    SELECT planned.campaign_id, planned.cost_amount * exchange_rate.rate AS company_amount
    FROM campaign.dim_campaign AS planned
    INNER JOIN sent_by_campaign ON sent_by_campaign.campaign_id = planned.campaign_id
    INNER JOIN exchange_rate
        ON exchange_rate.currency = planned.currency
        AND coalesce(planned.starts_date, CAST(sent_by_campaign.first_due_dt AS DATE)) >= exchange_rate.from_date
        AND coalesce(planned.starts_date, CAST(sent_by_campaign.first_due_dt AS DATE)) < exchange_rate.until_date
),
priced AS (
    SELECT
        counted.campaign_id,
        counted.cell_id,
        coalesce(ordered.number_converted, 0) AS number_converted,
        coalesce(ordered.number_of_orders, 0) AS number_of_orders,
        CAST(coalesce(ordered.revenue_amount, 0) AS DECIMAL(18, 4)) AS revenue_amount,
        CAST(cost.company_amount * counted.number_sent / nullif(sent_by_campaign.number_sent, 0) AS DECIMAL(18, 4)) AS cost_amount
    FROM counted
    INNER JOIN sent_by_campaign ON sent_by_campaign.campaign_id = counted.campaign_id
    LEFT JOIN ordered ON ordered.campaign_id = counted.campaign_id AND ordered.cell_id = counted.cell_id
    LEFT JOIN cost ON cost.campaign_id = counted.campaign_id
)
SELECT
    counted.*,
    coalesce(planned.campaign_key, 0) AS campaign_key,
    coalesce(dim_cell.cell_key, 0) AS cell_key,
    coalesce(dim_communication.communication_key, 0) AS communication_key,
    coalesce(dim_channel.channel_key, 0) AS channel_key,
    coalesce(dim_cell.is_control, 0) AS is_control,
    priced.number_converted,
    priced.number_of_orders,
    priced.revenue_amount,
    priced.cost_amount,
    $currency AS currency,
    100.0 * priced.number_converted / nullif(counted.number_delivered, 0) AS conversion_pct,
    CAST(100.0 * (priced.revenue_amount - priced.cost_amount) / nullif(priced.cost_amount, 0) AS DOUBLE) AS roi_pct
FROM counted
INNER JOIN priced ON priced.campaign_id = counted.campaign_id AND priced.cell_id = counted.cell_id
LEFT JOIN campaign.dim_campaign AS planned ON planned.campaign_id = counted.campaign_id
LEFT JOIN campaign.dim_cell AS dim_cell ON dim_cell.campaign_id = counted.campaign_id AND dim_cell.cell_id = counted.cell_id
LEFT JOIN sources.dim_communication AS dim_communication ON dim_communication.communication_code = planned.communication_code
LEFT JOIN sources.dim_channel AS dim_channel ON dim_channel.channel_code = planned.channel_code
