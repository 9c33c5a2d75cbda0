-- churn.campaign_saved: whom each campaign kept or won back. Grain: one row per campaign with a member at risk. Type 1. Key: campaign_id.
-- Reads: campaign.fact_campaign_delivery, campaign.dim_cell, campaign.fact_campaign_order, churn.attrition_movement, churn.churn_score, score_line.
-- At risk is who was in the highest fifth by the newest scores known on the day of the selection, or had left by then. What a member bought within
-- $saved_days counts, of those sent to and of those held back alike.
WITH member AS (
    SELECT
        fact_campaign_delivery.campaign_id,
        fact_campaign_delivery.customer_key,
        max(CASE WHEN dim_cell.is_control = 1 THEN 1 ELSE 0 END) AS is_control,
        min(CAST(coalesce(fact_campaign_delivery.sent_dt, fact_campaign_delivery.selected_dt) AS DATE)) AS asked_date
    FROM campaign.fact_campaign_delivery
    LEFT JOIN campaign.dim_cell ON fact_campaign_delivery.cell_key = dim_cell.cell_key AND dim_cell.cell_key > 0
    WHERE fact_campaign_delivery.customer_key > 0 AND (fact_campaign_delivery.sent_dt IS NOT NULL OR dim_cell.is_control = 1)
    GROUP BY fact_campaign_delivery.campaign_id, fact_campaign_delivery.customer_key
),

state AS (
    SELECT
        member.campaign_id,
        member.customer_key,
        attrition_movement.movement,
        row_number() OVER (
            PARTITION BY member.campaign_id, member.customer_key ORDER BY attrition_movement.moved_date DESC
        ) AS place
    FROM member
    INNER JOIN churn.attrition_movement
        ON member.customer_key = attrition_movement.customer_key
        AND attrition_movement.kind = 'silence'
        AND attrition_movement.movement <> 'changed_line'
        AND attrition_movement.moved_date < member.asked_date
),

score AS (
    SELECT
        member.campaign_id,
        member.customer_key,
        churn_score.risk_band,
        row_number() OVER (
            PARTITION BY member.campaign_id, member.customer_key ORDER BY churn_score.as_of_date DESC
        ) AS place
    FROM member
    INNER JOIN churn.churn_score
        ON member.customer_key = churn_score.customer_key
        AND churn_score.kind = 'silence'
        AND churn_score.horizon_days = $told_horizon
        AND churn_score.as_of_date < member.asked_date
),

at_risk AS (
    SELECT
        member.*,
        CASE WHEN state.movement = 'left' THEN 1 ELSE 0 END AS had_left
    FROM member
    LEFT JOIN state ON member.campaign_id = state.campaign_id AND member.customer_key = state.customer_key AND state.place = 1
    LEFT JOIN score ON member.campaign_id = score.campaign_id AND member.customer_key = score.customer_key AND score.place = 1
    WHERE state.movement = 'left' OR score.risk_band = $highest_band
),

bought AS (
    SELECT DISTINCT at_risk.campaign_id, at_risk.customer_key
    FROM at_risk
    INNER JOIN score_line
        ON at_risk.customer_key = score_line.customer_key
        AND score_line.amount > 0
        AND score_line.purchase_date > at_risk.asked_date
        AND score_line.purchase_date <= at_risk.asked_date + $saved_days
),

ordered AS (
    SELECT
        at_risk.campaign_id,
        at_risk.customer_key,
        sum(fact_campaign_order.company_amount) AS order_amount
    FROM at_risk
    INNER JOIN campaign.fact_campaign_order
        ON at_risk.campaign_id = fact_campaign_order.campaign_id
        AND at_risk.customer_key = fact_campaign_order.customer_key
        AND CAST(fact_campaign_order.order_dt AS DATE) >= at_risk.asked_date
    GROUP BY at_risk.campaign_id, at_risk.customer_key
    HAVING sum(fact_campaign_order.company_amount) > 0
)

SELECT
    at_risk.campaign_id,
    count(*) FILTER (WHERE at_risk.is_control = 0) AS number_at_risk,
    count(*) FILTER (WHERE at_risk.is_control = 0 AND bought.customer_key IS NOT NULL) AS number_bought,
    count(*) FILTER (WHERE at_risk.is_control = 0 AND ordered.customer_key IS NOT NULL AND at_risk.had_left = 0) AS number_kept,
    count(*) FILTER (WHERE at_risk.is_control = 0 AND ordered.customer_key IS NOT NULL AND at_risk.had_left = 1) AS number_won_back,
    CAST(coalesce(sum(CASE WHEN at_risk.is_control = 0 THEN ordered.order_amount END), 0) AS DECIMAL(18, 4)) AS saved_amount,
    count(*) FILTER (WHERE at_risk.is_control = 1) AS number_of_control,
    count(*) FILTER (WHERE at_risk.is_control = 1 AND bought.customer_key IS NOT NULL) AS number_of_control_bought,
    count(*) FILTER (WHERE at_risk.is_control = 0 AND bought.customer_key IS NOT NULL)
    / nullif(CAST(count(*) FILTER (WHERE at_risk.is_control = 0) AS DOUBLE), 0)
    - count(*) FILTER (WHERE at_risk.is_control = 1 AND bought.customer_key IS NOT NULL)
    / nullif(CAST(count(*) FILTER (WHERE at_risk.is_control = 1) AS DOUBLE), 0) AS lift,
    $currency AS currency
FROM at_risk
LEFT JOIN bought ON at_risk.campaign_id = bought.campaign_id AND at_risk.customer_key = bought.customer_key
LEFT JOIN ordered ON at_risk.campaign_id = ordered.campaign_id AND at_risk.customer_key = ordered.customer_key
GROUP BY at_risk.campaign_id
ORDER BY at_risk.campaign_id
