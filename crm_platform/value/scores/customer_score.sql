-- value.customer_score: the newest scores of every customer. Grain: one row per customer. Type 1. Key: customer_key.
-- Reads: scv.dim_customer, value.customer_rfm, value.customer_insight, value.customer_value, value.customer_profit, loyalty.loyalty_member.
WITH newest_rfm AS (
    SELECT * FROM value.customer_rfm WHERE as_of_date = (SELECT max(as_of_date) FROM value.customer_rfm)
),

newest_value AS (
    SELECT * FROM value.customer_value WHERE as_of_date = (SELECT max(as_of_date) FROM value.customer_rfm)
),

newest_profit AS (
    SELECT * FROM value.customer_profit WHERE as_of_date = (SELECT max(as_of_date) FROM value.customer_profit)
)

SELECT
    newest_rfm.as_of_date AS scored_as_of_date,
    newest_rfm.rfm,
    newest_rfm.segment AS rfm_segment,
    quarter.no_purchase_prob AS no_purchase_90d_prob,
    quarter.expected_purchases AS expected_purchases_90d,
    quarter.expected_spend_amount AS expected_spend_90d_amount,
    lifetime.expected_spend_amount AS lifetime_value_amount,
    customer_insight.next_purchase_date,
    newest_profit.as_of_date AS profit_as_of_date,
    newest_profit.band AS profit_band,
    newest_profit.margin_amount,
    loyalty_member.tier AS loyalty_tier,
    loyalty_member.balance_points AS loyalty_points,
    coalesce(newest_rfm.currency, newest_profit.currency) AS score_currency,
    dim_customer.customer_key
FROM scv.dim_customer
LEFT JOIN newest_rfm ON dim_customer.customer_key = newest_rfm.customer_key
LEFT JOIN newest_value AS quarter ON dim_customer.customer_key = quarter.customer_key AND quarter.horizon_days = 90
LEFT JOIN newest_value AS lifetime ON dim_customer.customer_key = lifetime.customer_key AND lifetime.horizon_days = 365
LEFT JOIN value.customer_insight
    ON newest_rfm.customer_key = customer_insight.customer_key AND newest_rfm.as_of_date = customer_insight.as_of_date
LEFT JOIN newest_profit ON dim_customer.customer_key = newest_profit.customer_key
LEFT JOIN loyalty.loyalty_member ON dim_customer.customer_key = loyalty_member.customer_key
ORDER BY dim_customer.customer_key
