-- direct_part: what each customer brought and cost by itself, in the currency it was told in. Grain: one row per component, customer, month and currency.
-- No table: a step of the profitability. Key: component, customer_key, month_date, currency. Reads: profit_line, known_order_events, known_returns,
-- known_shipments, all_support_cases, all_campaign_members, all_campaigns, scv.customer_ref_key, sources.dim_product, cost_rate.
-- A cancelled order is taken back in the month of its cancellation, so that a month that is over stays as it was.
WITH cancelled_order AS (
    SELECT source, order_id, min(event_dt) AS cancelled_dt
    FROM known_order_events
    WHERE status = 'cancelled' AND event_dt <= $as_of
    GROUP BY source, order_id
),

trade AS (
    SELECT customer_key, order_dt AS booked_dt, net_amount, currency, goods_amount, goods_currency
    FROM profit_line
    UNION ALL
    SELECT
        profit_line.customer_key,
        greatest(cancelled_order.cancelled_dt, profit_line.order_dt),
        -profit_line.net_amount,
        profit_line.currency,
        -profit_line.goods_amount,
        profit_line.goods_currency
    FROM profit_line
    INNER JOIN cancelled_order
        ON profit_line.source = cancelled_order.source AND profit_line.order_id = cancelled_order.order_id
),

placed_order AS (
    SELECT source, order_id, min(customer_key) AS customer_key, min(order_dt) AS order_dt, min(channel) AS channel
    FROM profit_line
    GROUP BY source, order_id
),

order_owner AS (
    -- Shipments name an order by its number alone: one that two sources bear is nobody's.
    SELECT order_id, min(customer_key) AS customer_key
    FROM placed_order
    GROUP BY order_id
    HAVING count(*) = 1
),

returned AS (
    SELECT
        coalesce(placed_order.customer_key, 0) AS customer_key,
        known_returns.returned_dt,
        known_returns.refunded_dt,
        known_returns.refund_amount,
        coalesce(known_returns.currency, $currency) AS currency,
        coalesce(
            CAST(
                known_returns.quantity * dim_product.cost_amount * CAST($returned_worth_pct AS DECIMAL(9, 4)) / 100
                AS DECIMAL(18, 4)
            ),
            0
        ) AS worth_amount,
        coalesce(dim_product.currency, $currency) AS worth_currency
    FROM known_returns
    LEFT JOIN placed_order
        ON known_returns.source = placed_order.source AND known_returns.order_id = placed_order.order_id
    LEFT JOIN sources.dim_product ON known_returns.product_id = dim_product.product_id AND dim_product.product_key > 0
    WHERE known_returns.returned_dt <= $as_of
),

occurrence AS (
    SELECT 'order' AS kind, customer_key, order_dt AS booked_dt, channel, 1 AS number FROM placed_order
    UNION ALL
    SELECT 'return', customer_key, returned_dt, NULL, 1 FROM returned
    UNION ALL
    SELECT
        'parcel',
        coalesce(order_owner.customer_key, 0),
        known_shipments.dispatched_dt,
        NULL,
        coalesce(known_shipments.number_of_parcels, 1)
    FROM known_shipments
    LEFT JOIN order_owner ON known_shipments.order_id = order_owner.order_id
    UNION ALL
    SELECT 'contact', coalesce(customer_ref_key.customer_key, 0), all_support_cases.opened_dt, all_support_cases.channel, 1
    FROM all_support_cases
    LEFT JOIN scv.customer_ref_key
        ON customer_ref_key.customer_ref = concat(all_support_cases.customer_source, ':', all_support_cases.customer_id)
    UNION ALL
    SELECT 'piece', customer_key, sent_dt, channel, 1
    FROM sent_piece
    WHERE campaign_cost_amount IS NULL
),

amount AS (
    SELECT 'revenue' AS component, customer_key, booked_dt, currency, net_amount AS amount FROM trade
    UNION ALL
    SELECT 'goods', customer_key, booked_dt, goods_currency, goods_amount FROM trade
    UNION ALL
    SELECT 'goods', customer_key, returned_dt, worth_currency, -worth_amount FROM returned
    UNION ALL
    SELECT 'refund', customer_key, refunded_dt, currency, refund_amount FROM returned WHERE refunded_dt <= $as_of
    UNION ALL
    SELECT
        occurrence.kind,
        occurrence.customer_key,
        occurrence.booked_dt,
        $currency,
        CAST(occurrence.number * coalesce(named.amount, other.amount) AS DECIMAL(18, 4))
    FROM occurrence
    LEFT JOIN cost_rate AS named ON occurrence.kind = named.kind AND occurrence.channel = named.channel
    LEFT JOIN cost_rate AS other ON occurrence.kind = other.kind AND other.channel IS NULL
    WHERE occurrence.booked_dt <= $as_of
)

SELECT
    component,
    customer_key,
    CAST(date_trunc('month', booked_dt) AS DATE) AS month_date,
    currency,
    CAST(sum(coalesce(amount, 0)) AS DECIMAL(18, 4)) AS amount
FROM amount
GROUP BY ALL
