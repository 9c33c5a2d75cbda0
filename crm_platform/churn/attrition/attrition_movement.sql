-- churn.attrition_movement: who came, left, came back and changed, and who they were then. Grain: one row per customer, kind and change of state. Type 1.
-- Key: kind, customer_key, moved_date, movement. Reads: movement, scv.dim_customer, value.customer_profit.
-- The band is the newest from before the move; sex and country are today's, the age is that of the day.
WITH banded AS (
    SELECT
        movement.*,
        customer_profit.band,
        row_number() OVER (
            PARTITION BY movement.kind, movement.customer_key, movement.moved_date, movement.movement
            ORDER BY customer_profit.as_of_date DESC
        ) AS place
    FROM movement
    LEFT JOIN value.customer_profit
        ON movement.customer_key = customer_profit.customer_key AND customer_profit.as_of_date <= movement.moved_date
)

SELECT
    banded.kind,
    banded.customer_key,
    banded.moved_date,
    banded.movement,
    banded.product_line,
    banded.from_product_line,
    banded.band AS profit_band,
    dim_customer.sex,
    CASE
        WHEN dim_customer.birth_date IS NULL OR dim_customer.birth_date > banded.moved_date THEN NULL
        WHEN date_diff('year', dim_customer.birth_date, banded.moved_date) < 25 THEN 'under 25'
        WHEN date_diff('year', dim_customer.birth_date, banded.moved_date) < 40 THEN '25 to 39'
        WHEN date_diff('year', dim_customer.birth_date, banded.moved_date) < 60 THEN '40 to 59'
        ELSE '60 and over'
    END AS age_band,
    dim_customer.country
FROM banded
LEFT JOIN scv.dim_customer ON banded.customer_key = dim_customer.customer_key
WHERE banded.place = 1
ORDER BY banded.kind, banded.customer_key, banded.moved_date, banded.movement
