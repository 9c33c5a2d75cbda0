-- churn.risk_offer: profitable households that are likely to leave, and the product to keep them by. Grain: one row per household, or customer outside any.
-- Type 1. Key: customer_key (of the member likeliest to leave). Reads: churn.customer_churn, scv.dim_customer, value.customer_profit, score_line,
-- sources.dim_product, exchange_rate.
-- A household is profitable where its members brought more than they cost in the newest snapshot and one of them is in a band up to $lowest_band. The best
-- product is that with the highest affinity times margin of one piece, of those sold now that no member has: affinity is the sum, over the products that
-- the household has, of the cosine between who bought the one and who bought the other.
WITH member AS (
    SELECT
        dim_customer.customer_key,
        dim_customer.household_key,
        coalesce(dim_customer.household_key, -dim_customer.customer_key) AS unit_key,
        customer_churn.churn_90d_prob,
        customer_churn.risk_band,
        customer_churn.reason_1,
        customer_churn.as_of_date,
        customer_profit.band,
        coalesce(customer_profit.margin_amount, 0) AS margin_amount
    FROM scv.dim_customer
    LEFT JOIN churn.customer_churn ON dim_customer.customer_key = customer_churn.customer_key
    LEFT JOIN value.customer_profit
        ON dim_customer.customer_key = customer_profit.customer_key
        AND customer_profit.as_of_date = (SELECT max(as_of_date) FROM value.customer_profit)
),

likeliest AS (
    SELECT *, row_number() OVER (PARTITION BY unit_key ORDER BY churn_90d_prob DESC, customer_key) AS place
    FROM member
    WHERE churn_90d_prob IS NOT NULL
),

unit AS (
    SELECT unit_key, count(*) AS number_of_customers, sum(margin_amount) AS margin_amount, min(band) AS profit_band
    FROM member
    GROUP BY unit_key
    HAVING sum(margin_amount) > 0 AND min(band) <= $lowest_band
),

target AS (
    SELECT likeliest.*, unit.number_of_customers, unit.margin_amount AS household_margin_amount, unit.profit_band
    FROM likeliest
    INNER JOIN unit ON likeliest.unit_key = unit.unit_key
    WHERE likeliest.place = 1 AND likeliest.risk_band >= $least_band
),

owned AS (
    SELECT DISTINCT customer_key, product_id
    FROM score_line
    WHERE customer_key IS NOT NULL AND amount > 0 AND product_id IS NOT NULL
),

popularity AS (
    SELECT product_id, count(*) AS number_of_buyers FROM owned GROUP BY product_id
),

unit_owned AS (
    SELECT DISTINCT member.unit_key, owned.product_id
    FROM owned
    INNER JOIN member ON owned.customer_key = member.customer_key
    INNER JOIN target ON member.unit_key = target.unit_key
),

pair AS (
    SELECT mine.product_id, other.product_id AS other_id, count(*) AS number_of_both
    FROM owned AS mine
    INNER JOIN owned AS other ON mine.customer_key = other.customer_key AND mine.product_id <> other.product_id
    WHERE mine.product_id IN (SELECT unit_owned.product_id FROM unit_owned)
    GROUP BY mine.product_id, other.product_id
),

on_sale AS (
    SELECT
        dim_product.product_id,
        dim_product.product_name,
        dim_product.product_line,
        CAST((dim_product.list_price_amount - dim_product.cost_amount) * exchange_rate.rate AS DECIMAL(18, 4)) AS unit_margin_amount
    FROM sources.dim_product
    INNER JOIN exchange_rate
        ON coalesce(dim_product.currency, $currency) = exchange_rate.currency
        AND $as_of_date >= exchange_rate.from_date
        AND $as_of_date < exchange_rate.until_date
    WHERE dim_product.product_key > 0
        AND dim_product.is_current = 1
        AND dim_product.list_price_amount > dim_product.cost_amount
        AND coalesce(dim_product.launched_date, $as_of_date) <= $as_of_date
        AND (dim_product.discontinued_date IS NULL OR dim_product.discontinued_date > $as_of_date)
),

affinity AS (
    SELECT
        unit_owned.unit_key,
        pair.other_id AS product_id,
        round(sum(pair.number_of_both / sqrt(mine.number_of_buyers * other.number_of_buyers)), 9) AS affinity
    FROM unit_owned
    INNER JOIN pair ON unit_owned.product_id = pair.product_id
    INNER JOIN popularity AS mine ON pair.product_id = mine.product_id
    INNER JOIN popularity AS other ON pair.other_id = other.product_id
    LEFT JOIN unit_owned AS has ON unit_owned.unit_key = has.unit_key AND pair.other_id = has.product_id
    WHERE has.product_id IS NULL
    GROUP BY unit_owned.unit_key, pair.other_id
),

best AS (
    SELECT
        affinity.unit_key,
        affinity.affinity,
        on_sale.*,
        row_number() OVER (
            PARTITION BY affinity.unit_key
            ORDER BY affinity.affinity * CAST(on_sale.unit_margin_amount AS DOUBLE) DESC, on_sale.product_id
        ) AS place
    FROM affinity
    INNER JOIN on_sale ON affinity.product_id = on_sale.product_id
)

SELECT
    target.customer_key,
    target.household_key,
    target.number_of_customers,
    target.as_of_date,
    target.churn_90d_prob,
    target.risk_band,
    target.reason_1,
    target.profit_band,
    CAST(target.household_margin_amount AS DECIMAL(18, 4)) AS margin_amount,
    best.product_id,
    best.product_name,
    best.product_line,
    best.affinity,
    best.unit_margin_amount,
    $currency AS currency
FROM target
LEFT JOIN best ON target.unit_key = best.unit_key AND best.place = 1
ORDER BY target.customer_key
