-- attrition_period: leavers and joiners of each $period. Grain: one row per period, kind, band, sex, age band, country and product line with a movement.
-- Published as churn.attrition_week and churn.attrition_month. Key: period_date, kind, profit_band, sex, age_band, country, product_line.
-- Reads: churn.attrition_movement. Weeks begin on Monday.
SELECT
    CAST(date_trunc($period, moved_date) AS DATE) AS period_date,
    kind,
    profit_band,
    sex,
    age_band,
    country,
    product_line,
    count(*) FILTER (WHERE movement = 'joined') AS number_joined,
    count(*) FILTER (WHERE movement = 'left') AS number_left,
    count(*) FILTER (WHERE movement = 'came_back') AS number_came_back,
    count(*) FILTER (WHERE movement = 'changed_line') AS number_changed_line
FROM churn.attrition_movement
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7
