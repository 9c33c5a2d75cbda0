-- converted_part: the direct parts in cents of the company's currency. Grain: one row per component, customer, month and currency. No table: a step of the
-- profitability. Key: component, customer_key, month_date, currency. Reads: direct_part, exchange_rate.
-- The sum of a month in a currency is converted and rounded once; each customer has the whole cents of its own part, and those that are left go to the
-- largest remainders, so that the parts add up to the sum to the cent. A currency without a rate has none: the reconciliation says so.
WITH exact AS (
    SELECT
        direct_part.component,
        direct_part.customer_key,
        direct_part.month_date,
        direct_part.currency,
        CAST(direct_part.amount AS DECIMAL(28, 4)) * CAST(exchange_rate.rate * 100 AS DECIMAL(18, 6)) AS cents
    FROM direct_part
    INNER JOIN exchange_rate
        ON direct_part.currency = exchange_rate.currency
        AND direct_part.month_date >= exchange_rate.from_date
        AND direct_part.month_date < exchange_rate.until_date
),

cut AS (
    SELECT
        *,
        CAST(floor(cents) AS BIGINT) AS whole_cents,
        CAST(round(sum(cents) OVER pool) AS BIGINT) - CAST(sum(floor(cents)) OVER pool AS BIGINT) AS cents_left,
        row_number() OVER (
            PARTITION BY component, month_date, currency ORDER BY cents - floor(cents) DESC, customer_key
        ) AS place
    FROM exact
    WINDOW pool AS (PARTITION BY component, month_date, currency)
)

SELECT
    component,
    customer_key,
    month_date,
    currency,
    whole_cents + CASE WHEN place <= cents_left THEN 1 ELSE 0 END AS cents
FROM cut
