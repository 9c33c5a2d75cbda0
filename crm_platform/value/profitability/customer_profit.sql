-- value.customer_profit, one snapshot: what customers brought and cost in the $window_months whole months before $as_of_date, and their band. Grain: one row
-- per customer and snapshot. Key: as_of_date, customer_key. Reads: value.fact_customer_month, band_limit (band, band_limit). Nobody (key 0) has no band.
WITH summed AS (
    SELECT
        customer_key,
        CAST(sum(number_of_orders) AS BIGINT) AS number_of_orders,
        CAST(sum(revenue_amount) AS DECIMAL(18, 4)) AS revenue_amount,
        CAST(sum(refund_amount) AS DECIMAL(18, 4)) AS refund_amount,
        CAST(sum(goods_cost_amount) AS DECIMAL(18, 4)) AS goods_cost_amount,
        CAST(sum(order_cost_amount) AS DECIMAL(18, 4)) AS order_cost_amount,
        CAST(sum(parcel_cost_amount) AS DECIMAL(18, 4)) AS parcel_cost_amount,
        CAST(sum(return_cost_amount) AS DECIMAL(18, 4)) AS return_cost_amount,
        CAST(sum(contact_cost_amount) AS DECIMAL(18, 4)) AS contact_cost_amount,
        CAST(sum(campaign_cost_amount) AS DECIMAL(18, 4)) AS campaign_cost_amount,
        CAST(sum(overhead_amount) AS DECIMAL(18, 4)) AS overhead_amount,
        CAST(sum(margin_amount) AS DECIMAL(18, 4)) AS margin_amount,
        min(currency) AS currency
    FROM value.fact_customer_month
    WHERE customer_key > 0
        AND month_date < $as_of_date
        AND month_date >= CAST($as_of_date - to_months(CAST($window_months AS INTEGER)) AS DATE)
    GROUP BY customer_key
),

ranked AS (
    SELECT
        *,
        (rank() OVER (ORDER BY margin_amount DESC) - 1.0) / count(*) OVER () AS margin_share
    FROM summed
)

SELECT
    $as_of_date AS as_of_date,
    ranked.customer_key,
    coalesce(
        (
            SELECT min(band_limit.band)
            FROM band_limit
            WHERE CASE
                WHEN $by_share THEN ranked.margin_share < band_limit.band_limit
                ELSE ranked.margin_amount >= band_limit.band_limit
            END
        ),
        'E'
    ) AS band,
    CAST(ranked.margin_share AS DOUBLE) AS margin_share,
    ranked.number_of_orders,
    ranked.revenue_amount,
    ranked.refund_amount,
    ranked.goods_cost_amount,
    ranked.order_cost_amount,
    ranked.parcel_cost_amount,
    ranked.return_cost_amount,
    ranked.contact_cost_amount,
    ranked.campaign_cost_amount,
    ranked.overhead_amount,
    ranked.margin_amount,
    ranked.currency
FROM ranked
ORDER BY ranked.customer_key
