-- movement: who came, left, came back and changed, up to $as_of_date. Grain: one row per customer, kind and change of state. No table: a step of the
-- attrition. Key: kind, customer_key, moved_date, movement. Reads: score_line, subscription_period, sources.dim_product.
-- silence: a purchaser has left when $silent_days have passed without a purchase, and comes back with the next one. subscription: a customer leaves when the
-- last one ends. product_line is that of the purchase by which, or after which, the customer moved; from_product_line that of the one before.
WITH line_of_day AS (
    SELECT
        score_line.customer_key,
        score_line.purchase_date,
        dim_product.product_line,
        row_number() OVER (
            PARTITION BY score_line.customer_key, score_line.purchase_date
            ORDER BY sum(score_line.amount) DESC, dim_product.product_line
        ) AS place
    FROM score_line
    LEFT JOIN sources.dim_product ON score_line.product_id = dim_product.product_id AND dim_product.product_key > 0
    WHERE score_line.customer_key IS NOT NULL AND score_line.amount > 0
    GROUP BY score_line.customer_key, score_line.purchase_date, dim_product.product_line
),

purchase AS (
    SELECT
        customer_key,
        purchase_date,
        product_line,
        lag(purchase_date) OVER (PARTITION BY customer_key ORDER BY purchase_date) AS previous_date,
        lag(product_line) OVER (PARTITION BY customer_key ORDER BY purchase_date) AS previous_line,
        lead(purchase_date) OVER (PARTITION BY customer_key ORDER BY purchase_date) AS next_date
    FROM line_of_day
    WHERE place = 1
),

subscription_step AS (
    SELECT customer_id AS customer_key, started_date AS moved_date, 1 AS step FROM subscription_period
    UNION ALL
    SELECT customer_id, ended_date, -1 FROM subscription_period WHERE ended_date IS NOT NULL
),

subscription_day AS (
    SELECT
        customer_key,
        moved_date,
        sum(sum(step)) OVER (PARTITION BY customer_key ORDER BY moved_date) AS running,
        sum(sum(step)) OVER (PARTITION BY customer_key ORDER BY moved_date) - sum(step) AS running_before,
        row_number() OVER (PARTITION BY customer_key ORDER BY moved_date) AS place
    FROM subscription_step
    GROUP BY customer_key, moved_date
)

SELECT
    'silence' AS kind,
    customer_key,
    purchase_date AS moved_date,
    CASE
        WHEN previous_date IS NULL THEN 'joined'
        WHEN date_diff('day', previous_date, purchase_date) > $silent_days THEN 'came_back'
        ELSE 'changed_line'
    END AS movement,
    product_line,
    previous_line AS from_product_line
FROM purchase
WHERE previous_date IS NULL
    OR date_diff('day', previous_date, purchase_date) > $silent_days
    OR product_line <> previous_line
UNION ALL
SELECT 'silence', customer_key, purchase_date + $silent_days, 'left', product_line, previous_line
FROM purchase
WHERE purchase_date + $silent_days <= $as_of_date
    AND (next_date IS NULL OR date_diff('day', purchase_date, next_date) > $silent_days)
UNION ALL
SELECT
    'subscription',
    customer_key,
    moved_date,
    CASE WHEN running = 0 THEN 'left' WHEN place = 1 THEN 'joined' ELSE 'came_back' END,
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR)
FROM subscription_day
WHERE (running = 0) <> (running_before = 0)
