-- sources.dim_product: the products as they stand. Grain: one row per product. Type 1: an attribute is overwritten.
-- Key: product_key, given to each product_id by build.py.
-- Reads: all_products, all_prices (the newest version of each row of every source, with `source`, `file_dt`).
WITH ranked_products AS (
    SELECT
        all_products.*,
        row_number() OVER (PARTITION BY product_id ORDER BY file_dt DESC NULLS LAST, source) AS place
    FROM all_products
),

products AS (
    SELECT * FROM ranked_products WHERE place = 1
),

price_history AS (
    SELECT
        product_id,
        count(*) AS number_of_prices,
        sum(CASE WHEN price_type = 'markdown' THEN 1 ELSE 0 END) AS number_of_markdowns,
        min(valid_from_date) AS first_priced_date,
        max(valid_from_date) AS last_priced_date,
        min(source) AS source
    FROM all_prices
    GROUP BY product_id
)

SELECT
    coalesce(products.product_id, price_history.product_id) AS product_id,
    products.product_name,
    products.brand AS brand_code,
    products.product_line,
    products.category,
    products.list_price_amount,
    products.cost_amount,
    products.currency,
    products.vat_pct,
    products.replenishment_days,
    products.reorder_level,
    products.lead_time_days,
    products.launched_date,
    products.discontinued_date,
    coalesce(price_history.number_of_prices, 0) AS number_of_prices,
    coalesce(price_history.number_of_markdowns, 0) AS number_of_markdowns,
    price_history.first_priced_date,
    price_history.last_priced_date,
    coalesce(products.source, price_history.source) AS source
FROM products
-- A price may come before its product: that product is a member already, so that its key is there when it is sold.
FULL OUTER JOIN price_history ON products.product_id = price_history.product_id
