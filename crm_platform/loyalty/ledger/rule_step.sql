-- rule_step: what each rule makes of each order, step by step: when it is placed, when something comes back, when it ends. Grain: one row per order,
-- rule and step. No table: a step of the ledger, for the customers from $from_key to before $until_key. Key: customer_key, source, order_id,
-- rule_number, step_dt, step, step_ref. Reads: member_line, member, earning_rule, product_rule, returned_amount, order_end, scheme.
-- An order is worth what the rule gives for what is left of it; points are the change of that worth, so that full returns take back all of it,
-- neither more nor less, however they are cut. What a step does follows from the steps before it alone.
WITH sale AS (
    SELECT
        customer_key,
        source,
        order_id,
        order_dt,
        sum(amount) AS amount,
        max(channel) AS channel,
        max(locale) AS locale,
        max(promotion_code) AS promotion_code,
        max(loaded_dt) AS loaded_dt
    FROM member_line
    WHERE customer_key >= $from_key AND customer_key < $until_key
    GROUP BY customer_key, source, order_id, order_dt
),

occasion AS (
    SELECT
        sale.*,
        member.birth_date,
        sale.amount > 0 AND 1 = row_number() OVER (
            PARTITION BY sale.customer_key, sale.amount > 0 ORDER BY sale.order_dt, sale.source, sale.order_id
        ) AS is_first,
        CAST(sale.order_dt AS DATE) AS order_date,
        CAST(year(sale.order_dt) - year(member.birth_date) AS INTEGER) AS age
    FROM sale
    INNER JOIN member ON sale.customer_key = member.customer_key
),

dated AS (
    SELECT
        *,
        least(
            abs(date_diff('day', CAST(birth_date + to_years(age - 1) AS DATE), order_date)),
            abs(date_diff('day', CAST(birth_date + to_years(age) AS DATE), order_date)),
            abs(date_diff('day', CAST(birth_date + to_years(age + 1) AS DATE), order_date))
        ) AS days_to_birthday
    FROM occasion
),

applied AS (
    SELECT
        dated.*,
        earning_rule.rule_number,
        earning_rule.is_by_product
    FROM dated
    INNER JOIN earning_rule
        ON dated.order_dt >= earning_rule.from_dt
        AND dated.order_dt < earning_rule.until_dt
        AND (earning_rule.channels IS NULL OR list_contains(earning_rule.channels, dated.channel))
        AND (earning_rule.locales IS NULL OR list_contains(earning_rule.locales, dated.locale))
        AND (
            earning_rule.promotion_codes IS NULL
            OR list_contains(earning_rule.promotion_codes, dated.promotion_code)
            OR (earning_rule.is_any_code AND dated.promotion_code IS NOT NULL)
        )
        AND (
            earning_rule.occasion IS NULL
            OR (earning_rule.occasion = 'first_purchase' AND dated.is_first)
            OR (earning_rule.occasion = 'birthday' AND dated.days_to_birthday <= earning_rule.within_days)
        )
),

placed AS (
    SELECT customer_key, source, order_id, rule_number, order_dt AS step_dt, amount AS change, loaded_dt
    FROM applied
    WHERE NOT is_by_product
    UNION ALL
    SELECT
        applied.customer_key,
        applied.source,
        applied.order_id,
        applied.rule_number,
        applied.order_dt AS step_dt,
        sum(member_line.amount) AS change,
        max(applied.loaded_dt) AS loaded_dt
    FROM applied
    INNER JOIN member_line
        ON applied.customer_key = member_line.customer_key
        AND applied.source = member_line.source
        AND applied.order_id = member_line.order_id
        AND applied.order_dt = member_line.order_dt
    INNER JOIN product_rule
        ON applied.rule_number = product_rule.rule_number AND member_line.product_id = product_rule.product_id
    WHERE applied.is_by_product
    GROUP BY ALL
),

ruled_order AS (
    SELECT customer_key, source, order_id, rule_number, min(step_dt) AS placed_dt
    FROM placed
    GROUP BY customer_key, source, order_id, rule_number
),

came_back AS (
    SELECT
        ruled_order.customer_key,
        ruled_order.source,
        ruled_order.order_id,
        ruled_order.rule_number,
        greatest(returned_amount.returned_dt, ruled_order.placed_dt) AS step_dt,
        returned_amount.return_id,
        -returned_amount.amount AS change,
        returned_amount.loaded_dt
    FROM ruled_order
    INNER JOIN returned_amount
        ON ruled_order.customer_key = returned_amount.customer_key
        AND ruled_order.source = returned_amount.source
        AND ruled_order.order_id = returned_amount.order_id
    INNER JOIN earning_rule ON ruled_order.rule_number = earning_rule.rule_number
    LEFT JOIN product_rule
        ON ruled_order.rule_number = product_rule.rule_number AND returned_amount.product_id = product_rule.product_id
    WHERE NOT earning_rule.is_by_product OR product_rule.rule_number IS NOT NULL
),

ended AS (
    SELECT
        ruled_order.customer_key,
        ruled_order.source,
        ruled_order.order_id,
        ruled_order.rule_number,
        greatest(order_end.ended_dt, ruled_order.placed_dt) AS step_dt,
        order_end.loaded_dt
    FROM ruled_order
    INNER JOIN order_end ON ruled_order.source = order_end.source AND ruled_order.order_id = order_end.order_id
),

step AS (
    SELECT customer_key, source, order_id, rule_number, step_dt, 0 AS step, '' AS step_ref, change, FALSE AS is_end, loaded_dt
    FROM placed
    UNION ALL
    SELECT customer_key, source, order_id, rule_number, step_dt, 1, return_id, change, FALSE, loaded_dt
    FROM came_back
    UNION ALL
    SELECT customer_key, source, order_id, rule_number, step_dt, 2, '', 0, TRUE, loaded_dt
    FROM ended
),

so_far AS (
    SELECT
        *,
        sum(change) OVER course AS amount_left,
        bool_or(is_end) OVER course AS has_ended,
        first_value(change) OVER course < 0 AS is_credit,
        first_value(step_dt) OVER course AS placed_dt
    FROM step
    WINDOW course AS (
        PARTITION BY customer_key, source, order_id, rule_number ORDER BY step_dt, step, step_ref
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
),

worth AS (
    SELECT
        so_far.*,
        CASE
            WHEN so_far.has_ended THEN 0
            -- A credit note takes back what its amount would have earned.
            WHEN so_far.is_credit THEN -CAST(floor(-least(so_far.amount_left, 0) * earning_rule.points_per_amount) AS BIGINT)
            WHEN so_far.amount_left > 0 AND so_far.amount_left >= earning_rule.smallest_amount
                THEN CAST(floor(so_far.amount_left * earning_rule.points_per_amount) AS BIGINT) + earning_rule.points
            ELSE 0
        END AS points_worth
    FROM so_far
    INNER JOIN earning_rule ON so_far.rule_number = earning_rule.rule_number
),

moved AS (
    SELECT
        *,
        points_worth - coalesce(
            lag(points_worth) OVER (
                PARTITION BY customer_key, source, order_id, rule_number ORDER BY step_dt, step, step_ref
            ),
            0
        ) AS points
    FROM worth
)

SELECT
    moved.customer_key,
    moved.source,
    moved.order_id,
    moved.rule_number,
    moved.step_dt,
    moved.step,
    moved.step_ref,
    moved.points,
    CASE
        -- A credit note names no order whose points it takes back.
        WHEN moved.points < 0 AND moved.is_credit THEN NULL
        WHEN scheme.expires_after_months IS NULL THEN DATE '9999-12-31'
        ELSE last_day(
            CAST(
                CAST(CASE WHEN moved.points > 0 THEN moved.step_dt ELSE moved.placed_dt END AS DATE)
                + to_months(CAST(scheme.expires_after_months AS INTEGER)) AS DATE
            )
        )
    END AS expires_date,
    moved.loaded_dt
FROM moved
LEFT JOIN scheme
    ON CASE WHEN moved.points > 0 THEN moved.step_dt ELSE moved.placed_dt END >= scheme.from_dt
    AND CASE WHEN moved.points > 0 THEN moved.step_dt ELSE moved.placed_dt END < scheme.until_dt
WHERE moved.points <> 0
