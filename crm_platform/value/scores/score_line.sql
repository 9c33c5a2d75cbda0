-- score_line: what customers bought and gave back up to $as_of_date, line by line. Grain: one row per line of an order, per line of a cancelled order,
-- and per refund. No table: a step of the scores. Key: none. Reads: sold_line, known_order_events, known_returns, scv.customer_ref_key,
-- sources.dim_product, source_with_steps, exchange_rate.
-- amount is without VAT, in the company's currency: above zero a purchase, below zero a return. A cancellation and a refund are returns on their own day,
-- so that a month that is over stays as it was. customer_key is null for nobody whom we know, amount where there is no rate.
WITH cancelled_order AS (
    SELECT source, order_id, min(event_dt) AS cancelled_dt
    FROM known_order_events
    WHERE status = 'cancelled' AND CAST(event_dt AS DATE) <= $as_of_date
    GROUP BY source, order_id
),

sale AS (
    SELECT sold_line.*
    FROM sold_line
    LEFT JOIN source_with_steps ON sold_line.source = source_with_steps.source
    WHERE CAST(sold_line.order_dt AS DATE) <= $as_of_date
        AND coalesce(sold_line.status, '') <> 'quoted'
        AND (source_with_steps.source IS NOT NULL OR coalesce(sold_line.status, '') <> 'cancelled')
),

buyer AS (
    SELECT source, order_id, min(customer_ref) AS customer_ref
    FROM sale
    GROUP BY source, order_id
),

trade AS (
    SELECT customer_ref, order_dt AS booked_dt, net_amount, currency, source, order_id, product_id, quantity, discount_amount
    FROM sale
    UNION ALL
    SELECT
        sale.customer_ref,
        greatest(cancelled_order.cancelled_dt, sale.order_dt),
        -sale.net_amount,
        sale.currency,
        sale.source,
        sale.order_id,
        sale.product_id,
        -sale.quantity,
        NULL
    FROM sale
    INNER JOIN cancelled_order ON sale.source = cancelled_order.source AND sale.order_id = cancelled_order.order_id
    UNION ALL
    SELECT
        buyer.customer_ref,
        known_returns.refunded_dt,
        -known_returns.refund_amount,
        known_returns.currency,
        known_returns.source,
        known_returns.order_id,
        known_returns.product_id,
        -known_returns.quantity,
        NULL
    FROM known_returns
    LEFT JOIN buyer ON known_returns.source = buyer.source AND known_returns.order_id = buyer.order_id
    WHERE CAST(known_returns.refunded_dt AS DATE) <= $as_of_date AND known_returns.refund_amount IS NOT NULL
)

SELECT
    customer_ref_key.customer_key,
    CAST(trade.booked_dt AS DATE) AS purchase_date,
    CAST(extract(hour FROM trade.booked_dt) AS TINYINT) AS purchase_hour,
    CAST(trade.net_amount * exchange_rate.rate AS DECIMAL(18, 4)) AS amount,
    concat(trade.source, ':', trade.order_id) AS order_id,
    trade.product_id,
    coalesce(dim_product.category, dim_product.product_line) AS category,
    CAST(trade.quantity AS DOUBLE) AS quantity,
    CAST(trade.discount_amount AS DOUBLE) AS discount
FROM trade
LEFT JOIN scv.customer_ref_key ON trade.customer_ref = customer_ref_key.customer_ref
LEFT JOIN sources.dim_product ON trade.product_id = dim_product.product_id AND dim_product.product_key > 0
LEFT JOIN exchange_rate
    ON coalesce(trade.currency, $currency) = exchange_rate.currency
    AND CAST(trade.booked_dt AS DATE) >= exchange_rate.from_date
    AND CAST(trade.booked_dt AS DATE) < exchange_rate.until_date
