-- campaign.fact_campaign_order: the orders that came of campaigns, by product, with what was taken back below zero. Type: rebuilt from the
-- orders; months of the same rows stay. Grain: one row per order, product and kind of line. Key: source, order_id, product_id, line_type.
-- Reads: made_campaign_of_order, sold_line, known_orders, known_order_events, known_returns, scv.customer_ref_key, exchange_rate (currency, from_date,
-- until_date, rate), campaign.dim_campaign, dim_cell, sources.dim_product, dim_communication, dim_channel.
WITH sold AS (
    SELECT
        sold_line.source, sold_line.order_id, coalesce(sold_line.product_id, '') AS product_id, sold_line.line_type, sold_line.currency,
        sold_line.quantity, sold_line.net_amount, sold_line.order_dt AS event_dt
    FROM sold_line
    INNER JOIN made_campaign_of_order AS attributed ON attributed.source = sold_line.source AND attributed.order_id = sold_line.order_id
),
cancelled AS (
    SELECT source, order_id, min(event_dt) AS event_dt FROM known_order_events WHERE status = 'cancelled' GROUP BY source, order_id
),
taken_back AS (
    -- What a cancelled order still holds after its own lines of cancellation.
    SELECT
        sold.source, sold.order_id, sold.product_id, 'cancellation' AS line_type, sold.currency, -sum(sold.quantity) AS quantity,
        -sum(sold.net_amount) AS net_amount, min(cancelled.event_dt) AS event_dt
    FROM sold
    INNER JOIN cancelled ON cancelled.source = sold.source AND cancelled.order_id = sold.order_id
    GROUP BY sold.source, sold.order_id, sold.product_id, sold.currency
    HAVING sum(sold.net_amount) > 0
    UNION ALL
    SELECT
        known_returns.source, known_returns.order_id, coalesce(known_returns.product_id, ''), 'return', known_returns.currency,
        -known_returns.quantity, -coalesce(known_returns.refund_amount, 0), known_returns.returned_dt
    FROM known_returns
    INNER JOIN made_campaign_of_order AS attributed ON attributed.source = known_returns.source AND attributed.order_id = known_returns.order_id
    LEFT JOIN cancelled ON cancelled.source = known_returns.source AND cancelled.order_id = known_returns.order_id
    WHERE cancelled.order_id IS NULL
),
moved AS (
    SELECT * FROM sold
    UNION ALL
    SELECT * FROM taken_back
),
line AS (
    SELECT
        moved.source,
        moved.order_id,
        moved.product_id,
        moved.line_type,
        min(moved.currency) AS currency,
        sum(moved.quantity) AS quantity,
        sum(moved.net_amount) AS value_amount,
        sum(moved.net_amount * exchange_rate.rate) AS company_amount,
        min(moved.event_dt) AS event_dt
    FROM moved
    LEFT JOIN exchange_rate
        ON exchange_rate.currency = moved.currency AND CAST(moved.event_dt AS DATE) >= exchange_rate.from_date
        AND CAST(moved.event_dt AS DATE) < exchange_rate.until_date
    GROUP BY moved.source, moved.order_id, moved.product_id, moved.line_type
)
SELECT
    line.source,
    line.order_id,
    line.product_id,
    line.line_type,
    attributed.campaign_id,
    attributed.cell_id,
    attributed.member_id,
    coalesce(numbered.customer_key, 0) AS customer_key,
    coalesce(planned.campaign_key, 0) AS campaign_key,
    coalesce(dim_cell.cell_key, 0) AS cell_key,
    coalesce(dim_communication.communication_key, 0) AS communication_key,
    coalesce(dim_channel.channel_key, 0) AS channel_key,
    coalesce(dim_product.product_key, 0) AS product_key,
    attributed.url_key,
    attributed.evidence,
    $touch AS touch,
    attributed.window_days,
    attributed.touched_dt,
    CAST(attributed.disputed_campaign_id IS NOT NULL AS BIGINT) AS is_disputed,
    attributed.disputed_campaign_id,
    CAST(
        line.line_type = 'sale' AND (planned.success_product_id IS NULL OR planned.success_product_id = line.product_id) AS BIGINT
    ) AS is_success,
    known_orders.order_dt,
    line.event_dt,
    CAST(line.quantity AS BIGINT) AS quantity,
    CAST(line.value_amount AS DECIMAL(18, 4)) AS value_amount,
    line.currency,
    CAST(line.company_amount AS DECIMAL(18, 4)) AS company_amount
FROM line
INNER JOIN made_campaign_of_order AS attributed ON attributed.source = line.source AND attributed.order_id = line.order_id
INNER JOIN known_orders ON known_orders.source = line.source AND known_orders.order_id = line.order_id
LEFT JOIN scv.customer_ref_key AS numbered ON numbered.customer_ref = known_orders.customer_source || ':' || known_orders.customer_id
LEFT JOIN campaign.dim_campaign AS planned ON planned.campaign_id = attributed.campaign_id
LEFT JOIN campaign.dim_cell AS dim_cell ON dim_cell.campaign_id = attributed.campaign_id AND dim_cell.cell_id = attributed.cell_id
LEFT JOIN sources.dim_communication AS dim_communication ON dim_communication.communication_code = planned.communication_code
LEFT JOIN sources.dim_channel AS dim_channel ON dim_channel.channel_code = planned.channel_code
LEFT JOIN sources.dim_product AS dim_product ON dim_product.product_id = line.product_id
