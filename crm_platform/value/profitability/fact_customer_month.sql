-- value.fact_customer_month: revenue, costs and margin. Grain: one row per customer and month in which anything was brought or carried. Periodic snapshot.
-- Key: customer_key, month_date. Reads: converted_part, shared_part, profit_line. Amounts are in $currency.
WITH part AS (
    SELECT customer_key, month_date, component, CAST(cents AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS amount
    FROM converted_part
    UNION ALL
    SELECT customer_key, month_date, component, CAST(cents AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS amount
    FROM shared_part
),

counted AS (
    SELECT
        customer_key,
        CAST(date_trunc('month', order_dt) AS DATE) AS month_date,
        count(DISTINCT (source, order_id)) AS number_of_orders
    FROM profit_line
    GROUP BY ALL
),

summed AS (
    SELECT
        customer_key,
        month_date,
        sum(CASE WHEN component = 'revenue' THEN amount ELSE 0 END) AS revenue,
        sum(CASE WHEN component = 'refund' THEN amount ELSE 0 END) AS refund,
        sum(CASE WHEN component = 'goods' THEN amount ELSE 0 END) AS goods,
        sum(CASE WHEN component = 'order' THEN amount ELSE 0 END) AS orders,
        sum(CASE WHEN component = 'parcel' THEN amount ELSE 0 END) AS parcel,
        sum(CASE WHEN component = 'return' THEN amount ELSE 0 END) AS returns,
        sum(CASE WHEN component = 'contact' THEN amount ELSE 0 END) AS contact,
        sum(CASE WHEN component IN ('piece', 'campaign') THEN amount ELSE 0 END) AS campaign,
        sum(CASE WHEN component = 'overhead' THEN amount ELSE 0 END) AS overhead
    FROM part
    GROUP BY customer_key, month_date
)

SELECT
    summed.customer_key,
    summed.month_date,
    coalesce(counted.number_of_orders, 0) AS number_of_orders,
    CAST(summed.revenue AS DECIMAL(18, 4)) AS revenue_amount,
    CAST(summed.refund AS DECIMAL(18, 4)) AS refund_amount,
    CAST(summed.goods AS DECIMAL(18, 4)) AS goods_cost_amount,
    CAST(summed.orders AS DECIMAL(18, 4)) AS order_cost_amount,
    CAST(summed.parcel AS DECIMAL(18, 4)) AS parcel_cost_amount,
    CAST(summed.returns AS DECIMAL(18, 4)) AS return_cost_amount,
    CAST(summed.contact AS DECIMAL(18, 4)) AS contact_cost_amount,
    CAST(summed.campaign AS DECIMAL(18, 4)) AS campaign_cost_amount,
    CAST(summed.overhead AS DECIMAL(18, 4)) AS overhead_amount,
    CAST(
        summed.revenue - summed.refund - summed.goods - summed.orders - summed.parcel - summed.returns - summed.contact
        - summed.campaign - summed.overhead AS DECIMAL(18, 4)
    ) AS margin_amount,
    $currency AS currency
FROM summed
LEFT JOIN counted ON summed.customer_key = counted.customer_key AND summed.month_date = counted.month_date
