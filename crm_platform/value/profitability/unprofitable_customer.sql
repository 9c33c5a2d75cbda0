-- value.unprofitable_customer: who loses us money. Grain: one row per customer with a margin below zero in the latest snapshot. Key: customer_key.
-- Reads: value.customer_profit. A cost stands out by how far it is above what it would be at everybody's share of revenue.
WITH latest AS (
    SELECT * FROM value.customer_profit WHERE as_of_date = (SELECT max(as_of_date) FROM value.customer_profit)
),

cost AS (
    UNPIVOT (
        SELECT
            customer_key,
            greatest(revenue_amount, 0) AS revenue_amount,
            refund_amount AS refund,
            goods_cost_amount AS goods,
            order_cost_amount AS "order",
            parcel_cost_amount AS parcel,
            return_cost_amount AS "return",
            contact_cost_amount AS contact,
            campaign_cost_amount AS campaign,
            overhead_amount AS overhead
        FROM latest
    )
    ON COLUMNS (* EXCLUDE (customer_key, revenue_amount)) INTO NAME component VALUE amount
),

usual AS (
    SELECT component, sum(amount) / nullif(CAST(sum(revenue_amount) AS DOUBLE), 0) AS share
    FROM cost
    GROUP BY component
),

outstanding AS (
    SELECT
        cost.customer_key,
        cost.component,
        cost.amount,
        row_number() OVER (
            PARTITION BY cost.customer_key
            ORDER BY cost.amount - coalesce(usual.share, 0) * cost.revenue_amount DESC, cost.component
        ) AS place
    FROM cost
    INNER JOIN usual ON cost.component = usual.component
    WHERE cost.amount > 0
)

SELECT
    latest.customer_key,
    latest.as_of_date,
    row_number() OVER (ORDER BY latest.margin_amount, latest.customer_key) AS place,
    latest.number_of_orders,
    latest.revenue_amount,
    latest.margin_amount,
    outstanding.component AS main_cost,
    CAST(outstanding.amount AS DECIMAL(18, 4)) AS main_cost_amount,
    latest.currency
FROM latest
LEFT JOIN outstanding ON latest.customer_key = outstanding.customer_key AND outstanding.place = 1
WHERE latest.margin_amount < 0
ORDER BY place
