-- sold_line: what was sold, cancelled and put right, line by line. Grain: one row per line of an order; an order that comes without lines is one
-- line of its whole value, without a product. No table: a relation for the stages that count sales. Key: none (a source need not number its lines).
-- Reads: known_orders, known_order_lines.
-- net_amount is without VAT, after discount_amount, in `currency`; below zero for what takes a sale back. customer_ref is null for unnamed buyers.
WITH line AS (
    SELECT
        source,
        customer_source,
        order_id,
        line_number,
        customer_id,
        product_id,
        line_type,
        order_dt,
        quantity,
        CAST(coalesce(quantity * unit_price_amount, 0) - coalesce(discount_amount, 0) AS DECIMAL(18, 4)) AS net_amount,
        discount_amount,
        currency,
        loaded_dt
    FROM known_order_lines
)

SELECT
    coalesce(line.source, known_orders.source) AS source,
    coalesce(line.order_id, known_orders.order_id) AS order_id,
    line.line_number,
    CASE
        WHEN known_orders.customer_id IS NOT NULL THEN concat(known_orders.customer_source, ':', known_orders.customer_id)
        WHEN line.customer_id IS NOT NULL THEN concat(line.customer_source, ':', line.customer_id)
    END AS customer_ref,
    line.product_id,
    coalesce(line.line_type, 'sale') AS line_type,
    coalesce(line.order_dt, known_orders.order_dt) AS order_dt,
    line.quantity,
    CASE
        WHEN line.order_id IS NULL THEN CAST(coalesce(known_orders.total_amount, 0) AS DECIMAL(18, 4))
        ELSE line.net_amount
    END AS net_amount,
    line.discount_amount,
    coalesce(line.currency, known_orders.currency) AS currency,
    known_orders.channel,
    known_orders.brand,
    known_orders.locale,
    known_orders.promotion_code,
    known_orders.status,
    greatest(line.loaded_dt, known_orders.loaded_dt) AS loaded_dt
FROM line
-- Once through the lines: asking which orders have none would read them all again.
FULL OUTER JOIN known_orders ON line.source = known_orders.source AND line.order_id = known_orders.order_id
