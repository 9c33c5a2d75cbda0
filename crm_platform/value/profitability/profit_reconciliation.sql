-- value.profit_reconciliation: the sources' totals beside what customers were given of them. Grain: one row per month and component. Key: month_date,
-- component. Reads: known_orders, known_order_lines, known_order_events, known_returns, known_shipments, all_support_cases, direct_part, cost_pool,
-- shared_part, cost_rate, source_with_steps, exchange_rate, value.fact_customer_month.
-- What can be is counted anew from the feeds, without the customers, their keys and the joins by which the parts were made.
WITH line AS (
    SELECT
        source,
        order_id,
        order_dt,
        coalesce(quantity * unit_price_amount, 0) - coalesce(discount_amount, 0) AS amount,
        currency
    FROM known_order_lines
    UNION ALL
    SELECT source, order_id, order_dt, coalesce(total_amount, 0), currency
    FROM known_orders
    WHERE (source, order_id) NOT IN (SELECT (source, order_id) FROM known_order_lines)
),

counted_line AS (
    SELECT line.source, line.order_id, line.order_dt, line.amount, coalesce(line.currency, known_orders.currency, $currency) AS currency
    FROM line
    LEFT JOIN known_orders ON line.source = known_orders.source AND line.order_id = known_orders.order_id
    WHERE line.order_dt <= $as_of
        AND coalesce(known_orders.status, '') <> 'quoted'
        AND (coalesce(known_orders.status, '') <> 'cancelled' OR line.source IN (SELECT source_with_steps.source FROM source_with_steps))
),

cancellation AS (
    SELECT source, order_id, min(event_dt) AS event_dt
    FROM known_order_events
    WHERE status = 'cancelled' AND event_dt <= $as_of
    GROUP BY source, order_id
),

total AS (
    SELECT 'revenue' AS component, order_dt AS booked_dt, currency, amount FROM counted_line
    UNION ALL
    SELECT 'revenue', greatest(cancellation.event_dt, counted_line.order_dt), counted_line.currency, -counted_line.amount
    FROM counted_line
    INNER JOIN cancellation ON counted_line.source = cancellation.source AND counted_line.order_id = cancellation.order_id
    UNION ALL
    SELECT 'refund', refunded_dt, coalesce(currency, $currency), coalesce(refund_amount, 0)
    FROM known_returns
    WHERE refunded_dt <= $as_of AND returned_dt <= $as_of
    UNION ALL
    SELECT 'return', returned_dt, $currency, (SELECT amount FROM cost_rate WHERE kind = 'return')
    FROM known_returns
    WHERE returned_dt <= $as_of
    UNION ALL
    SELECT 'parcel', dispatched_dt, $currency, coalesce(number_of_parcels, 1) * (SELECT amount FROM cost_rate WHERE kind = 'parcel')
    FROM known_shipments
    WHERE dispatched_dt <= $as_of
    UNION ALL
    SELECT
        'contact',
        all_support_cases.opened_dt,
        $currency,
        coalesce(
            (SELECT cost_rate.amount FROM cost_rate WHERE cost_rate.kind = 'contact' AND cost_rate.channel = all_support_cases.channel),
            (SELECT cost_rate.amount FROM cost_rate WHERE cost_rate.kind = 'contact' AND cost_rate.channel IS NULL)
        )
    FROM all_support_cases
    WHERE all_support_cases.opened_dt <= $as_of
    UNION ALL
    SELECT CASE component WHEN 'piece' THEN 'campaign' ELSE component END, CAST(month_date AS TIMESTAMP WITH TIME ZONE), currency, amount
    FROM direct_part
    WHERE component IN ('goods', 'order', 'piece')
),

by_currency AS (
    SELECT
        total.component,
        CAST(date_trunc('month', total.booked_dt) AS DATE) AS month_date,
        total.currency,
        CAST(sum(total.amount) AS DECIMAL(18, 4)) AS amount
    FROM total
    GROUP BY ALL
),

converted AS (
    SELECT
        by_currency.component,
        by_currency.month_date,
        CAST(round(CAST(by_currency.amount AS DECIMAL(28, 4)) * exchange_rate.rate, 2) AS DECIMAL(18, 4)) AS amount,
        CASE WHEN exchange_rate.rate IS NULL AND by_currency.amount <> 0 THEN by_currency.currency END AS unconverted
    FROM by_currency
    LEFT JOIN exchange_rate
        ON by_currency.currency = exchange_rate.currency
        AND by_currency.month_date >= exchange_rate.from_date
        AND by_currency.month_date < exchange_rate.until_date
    UNION ALL
    SELECT component, month_date, CAST(cents AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(3, 2)), NULL
    FROM cost_pool
    WHERE component = 'overhead'
    UNION ALL
    SELECT component, month_date, CAST(cents AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(3, 2)), NULL
    FROM shared_part
    WHERE component = 'campaign'
),

source_total AS (
    SELECT
        component,
        month_date,
        CAST(coalesce(sum(amount), 0) AS DECIMAL(18, 4)) AS amount,
        string_agg(DISTINCT unconverted, ', ' ORDER BY unconverted) AS unconverted
    FROM converted
    GROUP BY component, month_date
),

attributed AS (
    UNPIVOT (
        SELECT
            month_date,
            sum(revenue_amount) AS revenue,
            sum(refund_amount) AS refund,
            sum(goods_cost_amount) AS goods,
            sum(order_cost_amount) AS "order",
            sum(parcel_cost_amount) AS parcel,
            sum(return_cost_amount) AS "return",
            sum(contact_cost_amount) AS contact,
            sum(campaign_cost_amount) AS campaign,
            sum(overhead_amount) AS overhead
        FROM value.fact_customer_month
        GROUP BY month_date
    )
    ON COLUMNS (* EXCLUDE (month_date)) INTO NAME component VALUE amount
)

SELECT
    coalesce(source_total.month_date, attributed.month_date) AS month_date,
    coalesce(source_total.component, attributed.component) AS component,
    coalesce(source_total.amount, 0) AS source_amount,
    CAST(coalesce(attributed.amount, 0) AS DECIMAL(18, 4)) AS attributed_amount,
    CAST(coalesce(source_total.amount, 0) - coalesce(attributed.amount, 0) AS DECIMAL(18, 4)) AS difference_amount,
    source_total.unconverted,
    $currency AS currency
FROM source_total
FULL OUTER JOIN attributed
    ON source_total.month_date = attributed.month_date AND source_total.component = attributed.component
ORDER BY month_date, component
