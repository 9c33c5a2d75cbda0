-- returned_amount: what came back of members' orders up to $as_of, at the price that was paid. Grain: one row per return. No table: a step of the
-- ledger. Key: source, return_id. Reads: known_returns, member_line, exchange_rate.
-- A return that names no line is of the order's first line of that product; where no pieces are known it is worth its refund.
WITH candidate AS (
    SELECT
        member_line.customer_key,
        member_line.source,
        member_line.order_id,
        member_line.product_id,
        member_line.amount,
        member_line.quantity,
        known_returns.return_id,
        known_returns.returned_dt,
        known_returns.quantity AS returned_quantity,
        coalesce(CAST(known_returns.refund_amount * exchange_rate.rate AS DECIMAL(18, 4)), 0) AS refund_amount,
        greatest(known_returns.loaded_dt, member_line.loaded_dt) AS loaded_dt,
        row_number() OVER (
            PARTITION BY known_returns.source, known_returns.return_id
            ORDER BY member_line.order_dt, member_line.line_number NULLS LAST, member_line.product_id, member_line.amount DESC
        ) AS place
    FROM known_returns
    INNER JOIN member_line
        ON known_returns.source = member_line.source
        AND known_returns.order_id = member_line.order_id
        AND member_line.line_type = 'sale'
        AND coalesce(known_returns.line_number, member_line.line_number, -1)
        = coalesce(member_line.line_number, known_returns.line_number, -1)
        AND coalesce(known_returns.product_id, member_line.product_id, '')
        = coalesce(member_line.product_id, known_returns.product_id, '')
    LEFT JOIN exchange_rate
        ON exchange_rate.currency = coalesce(known_returns.currency, $currency)
        AND CAST(known_returns.returned_dt AS DATE) >= exchange_rate.from_date
        AND CAST(known_returns.returned_dt AS DATE) < exchange_rate.until_date
    WHERE known_returns.returned_dt <= $as_of
)

SELECT
    customer_key,
    source,
    order_id,
    product_id,
    return_id,
    returned_dt,
    CASE
        WHEN quantity > 0 AND returned_quantity > 0
            THEN CAST(amount * least(returned_quantity, quantity) / quantity AS DECIMAL(18, 4))
        ELSE least(refund_amount, amount)
    END AS amount,
    loaded_dt
FROM candidate
WHERE place = 1
ORDER BY customer_key
