-- profit_line: what was sold up to $as_of and what it cost to buy, line by line. Grain: one row per line of an order. No table: a step of the
-- profitability. Key: none. Reads: sold_line, scv.customer_ref_key, sources.dim_product, source_with_steps.
-- customer_key 0 is nobody whom we know. A quote is no sale; nor is what a source without steps calls cancelled.
SELECT
    coalesce(customer_ref_key.customer_key, 0) AS customer_key,
    sold_line.source,
    sold_line.order_id,
    sold_line.product_id,
    sold_line.order_dt,
    sold_line.channel,
    sold_line.quantity,
    sold_line.net_amount,
    coalesce(sold_line.currency, $currency) AS currency,
    -- An adjustment of the books moves no goods.
    CASE
        WHEN sold_line.line_type = 'adjustment' THEN 0
        WHEN dim_product.cost_amount IS NOT NULL AND sold_line.quantity IS NOT NULL
            THEN CAST(sold_line.quantity * dim_product.cost_amount AS DECIMAL(18, 4))
        ELSE CAST(sold_line.net_amount * CAST($unknown_cost_pct AS DECIMAL(9, 4)) / 100 AS DECIMAL(18, 4))
    END AS goods_amount,
    CASE
        WHEN dim_product.cost_amount IS NOT NULL AND sold_line.quantity IS NOT NULL
            THEN coalesce(dim_product.currency, $currency)
        ELSE coalesce(sold_line.currency, $currency)
    END AS goods_currency
FROM sold_line
LEFT JOIN scv.customer_ref_key ON sold_line.customer_ref = customer_ref_key.customer_ref
LEFT JOIN sources.dim_product ON sold_line.product_id = dim_product.product_id AND dim_product.product_key > 0
LEFT JOIN source_with_steps ON sold_line.source = source_with_steps.source
WHERE sold_line.order_dt <= $as_of
    AND coalesce(sold_line.status, '') <> 'quoted'
    AND (source_with_steps.source IS NOT NULL OR coalesce(sold_line.status, '') <> 'cancelled')
