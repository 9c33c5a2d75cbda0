-- member_line: what members bought up to $as_of, in the company's currency. Grain: one row per line of an order. No table: a step of the ledger.
-- Key: none. Reads: sold_line, scv.customer_ref_key, account_holder (members whose accounts are made), exchange_rate, scheme, reversing_status, source_with_steps (sources that tell an order's
-- steps). A quote is no order; nor is what a source without steps calls cancelled.
SELECT
    account_holder.customer_key,
    sold_line.source,
    sold_line.order_id,
    sold_line.order_dt,
    sold_line.line_number,
    sold_line.product_id,
    sold_line.line_type,
    sold_line.quantity,
    coalesce(CAST(sold_line.net_amount * exchange_rate.rate AS DECIMAL(18, 4)), 0) AS amount,
    sold_line.channel,
    sold_line.locale,
    sold_line.promotion_code,
    sold_line.loaded_dt
FROM sold_line
INNER JOIN scv.customer_ref_key ON sold_line.customer_ref = customer_ref_key.customer_ref
INNER JOIN account_holder ON customer_ref_key.customer_key = account_holder.customer_key
LEFT JOIN exchange_rate
    ON exchange_rate.currency = coalesce(sold_line.currency, $currency)
    AND CAST(sold_line.order_dt AS DATE) >= exchange_rate.from_date
    AND CAST(sold_line.order_dt AS DATE) < exchange_rate.until_date
LEFT JOIN source_with_steps ON sold_line.source = source_with_steps.source
WHERE sold_line.order_dt <= $as_of
    AND coalesce(sold_line.status, '') <> 'quoted'
    AND (
        source_with_steps.source IS NOT NULL
        OR coalesce(sold_line.status, '') NOT IN (SELECT reversing_status.status FROM reversing_status)
    )
ORDER BY account_holder.customer_key
