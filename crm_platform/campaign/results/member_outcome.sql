-- What the members of campaigns with control groups did, summed by group: the sums that the lift is worked out from. Type: helper of campaign.campaign_lift.
-- Grain: one row per campaign, group (treated, or the level of control) and outcome. Key: campaign_id, member_group, outcome.
-- Everything that a customer bought counts, whatever it came of: what would have been bought anyway is what the control group shows.
-- Reads: campaign.fact_campaign_delivery, dim_campaign, dim_cell, sold_line, scv.customer_ref_key, exchange_rate (currency, from_date, until_date, rate).
WITH planned AS (
    SELECT campaign_id, success_product_id, CAST(coalesce($window_days, success_days, $default_window_days) AS INTEGER) AS days
    FROM campaign.dim_campaign
    WHERE campaign_key > 0 AND campaign_id IN (SELECT dim_cell.campaign_id FROM campaign.dim_cell WHERE dim_cell.is_control = 1)
),
drawn AS (
    -- A customer whom two members stand for counts once, with the first.
    SELECT
        fact.campaign_id,
        fact.customer_key,
        min(CASE WHEN coalesce(dim_cell.is_control, 0) = 1 THEN dim_cell.control_level ELSE 'treated' END) AS member_group,
        count(DISTINCT coalesce(dim_cell.is_control, 0)) AS number_of_groups,
        -- Sent or not, the days count from the selection, which is the same moment for every cell.
        min(fact.selected_dt) AS from_dt
    FROM campaign.fact_campaign_delivery AS fact
    INNER JOIN planned ON planned.campaign_id = fact.campaign_id
    LEFT JOIN campaign.dim_cell AS dim_cell ON dim_cell.cell_key = fact.cell_key
    WHERE fact.customer_key > 0
    GROUP BY fact.campaign_id, fact.customer_key
),
bought AS (
    SELECT
        numbered.customer_key, sold_line.source, sold_line.order_id, sold_line.order_dt, sold_line.product_id, sold_line.line_type,
        CAST(sold_line.net_amount * exchange_rate.rate AS DOUBLE) AS amount
    FROM sold_line
    INNER JOIN scv.customer_ref_key AS numbered ON numbered.customer_ref = sold_line.customer_ref
    LEFT JOIN exchange_rate
        ON exchange_rate.currency = sold_line.currency AND CAST(sold_line.order_dt AS DATE) >= exchange_rate.from_date
        AND CAST(sold_line.order_dt AS DATE) < exchange_rate.until_date
),
behaviour AS (
    SELECT
        drawn.campaign_id,
        drawn.member_group,
        drawn.customer_key,
        CAST(coalesce(bool_or(bought.order_dt >= drawn.from_dt AND bought.line_type = 'sale'), FALSE) AS DOUBLE) AS purchase,
        CAST(
            coalesce(
                bool_or(
                    bought.order_dt >= drawn.from_dt AND bought.line_type = 'sale'
                    AND bought.product_id = coalesce(planned.success_product_id, bought.product_id)
                ),
                FALSE
            ) AS DOUBLE
        ) AS success,
        coalesce(sum(bought.amount) FILTER (WHERE bought.order_dt >= drawn.from_dt), 0) AS spend,
        CAST(coalesce(bool_or(bought.order_dt < drawn.from_dt AND bought.line_type = 'sale'), FALSE) AS DOUBLE) AS purchase_before
    FROM drawn
    INNER JOIN planned ON planned.campaign_id = drawn.campaign_id
    LEFT JOIN bought
        ON bought.customer_key = drawn.customer_key AND bought.order_dt >= drawn.from_dt - to_days(planned.days)
        AND bought.order_dt < drawn.from_dt + to_days(planned.days)
    WHERE drawn.number_of_groups = 1
    GROUP BY drawn.campaign_id, drawn.member_group, drawn.customer_key
)
SELECT
    campaign_id,
    member_group,
    outcome,
    count(*) AS number,
    sum(value) AS total,
    sum(value * value) AS total_of_squares
FROM (
    SELECT campaign_id, member_group, 'purchase' AS outcome, purchase AS value FROM behaviour
    UNION ALL
    SELECT campaign_id, member_group, 'success', success FROM behaviour
    UNION ALL
    SELECT campaign_id, member_group, 'spend', spend FROM behaviour
    UNION ALL
    SELECT campaign_id, member_group, 'purchase_before', purchase_before FROM behaviour
) AS measured
GROUP BY campaign_id, member_group, outcome
ORDER BY campaign_id, member_group, outcome
