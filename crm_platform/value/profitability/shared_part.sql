-- shared_part: what each customer carries of the pools. Grain: one row per pool, customer and month. No table: a step of the profitability. Key: component,
-- pool, customer_key, month_date. Reads: cost_pool, converted_part, direct_part, sent_piece. Cents left go to the largest remainders.
-- A pool in a month without revenue or orders is carried by nobody whom we know.
WITH revenue_share AS (
    SELECT month_date, customer_key, CAST(greatest(sum(cents), 0) AS HUGEINT) AS weight
    FROM converted_part
    WHERE component = 'revenue'
    GROUP BY month_date, customer_key
),

order_share AS (
    SELECT CAST(date_trunc('month', order_dt) AS DATE) AS month_date, customer_key, CAST(count(DISTINCT (source, order_id)) AS HUGEINT) AS weight
    FROM profit_line
    GROUP BY ALL
),

weighed AS (
    SELECT cost_pool.component, cost_pool.pool, cost_pool.month_date AS pool_date, cost_pool.cents, share.month_date, share.customer_key, share.weight
    FROM cost_pool
    INNER JOIN revenue_share AS share ON cost_pool.month_date = share.month_date
    WHERE cost_pool.shared_by = 'revenue'
    UNION ALL
    SELECT cost_pool.component, cost_pool.pool, cost_pool.month_date, cost_pool.cents, share.month_date, share.customer_key, share.weight
    FROM cost_pool
    INNER JOIN order_share AS share ON cost_pool.month_date = share.month_date
    WHERE cost_pool.shared_by = 'orders'
    UNION ALL
    SELECT
        cost_pool.component,
        cost_pool.pool,
        cost_pool.month_date,
        cost_pool.cents,
        CAST(date_trunc('month', sent_piece.sent_dt) AS DATE),
        sent_piece.customer_key,
        CAST(count(*) AS HUGEINT)
    FROM cost_pool
    INNER JOIN sent_piece ON cost_pool.pool = concat(sent_piece.source, ':', sent_piece.campaign_id)
    WHERE cost_pool.shared_by = 'pieces'
    GROUP BY ALL
    UNION ALL
    -- Weighs nothing wherever somebody else carries the pool.
    SELECT cost_pool.component, cost_pool.pool, cost_pool.month_date, cost_pool.cents, cost_pool.month_date, 0, 0
    FROM cost_pool
),

carried AS (
    SELECT component, pool, pool_date, cents, month_date, customer_key, sum(weight) AS weight
    FROM weighed
    GROUP BY ALL
),

summed AS (
    SELECT
        * REPLACE (
            CASE
                WHEN sum(weight) OVER pool_rows > 0 THEN CAST(weight AS HUGEINT)
                WHEN customer_key = 0 AND month_date = pool_date THEN 1
                ELSE 0
            END AS weight
        )
    FROM carried
    WINDOW pool_rows AS (PARTITION BY component, pool, pool_date)
),

exact AS (
    SELECT
        *,
        CAST(cents AS HUGEINT) * weight AS numerator,
        CAST(sum(weight) OVER (PARTITION BY component, pool, pool_date) AS HUGEINT) AS denominator
    FROM summed
),

cut AS (
    SELECT
        *,
        CAST(numerator // denominator AS BIGINT) AS whole_cents,
        cents - CAST(sum(numerator // denominator) OVER (PARTITION BY component, pool, pool_date) AS BIGINT) AS cents_left,
        row_number() OVER (
            PARTITION BY component, pool, pool_date ORDER BY numerator % denominator DESC, month_date, customer_key
        ) AS place
    FROM exact
)

SELECT
    component,
    pool,
    customer_key,
    month_date,
    whole_cents + CASE WHEN place <= cents_left THEN 1 ELSE 0 END AS cents
FROM cut
WHERE whole_cents <> 0 OR place <= cents_left
