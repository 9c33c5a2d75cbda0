-- loyalty.satisfaction_month: answers to surveys. Grain: one row per month, survey, brand and locale with answers. Key: month_date, survey, brand,
-- locale. Reads: all_surveys, all_orders (the newest version of each row of every source), scv.customer_ref_key, scv.golden_record. Answers after
-- $as_of are not known. A survey names an order by its number alone: one that two sources bear tells nothing.
WITH named_order AS (
    SELECT
        order_id,
        min(brand) AS brand,
        min(locale) AS locale
    FROM all_orders
    WHERE order_id IN (SELECT all_surveys.order_id FROM all_surveys)
    GROUP BY order_id
    HAVING count(*) = 1
),

answer AS (
    SELECT
        CAST(date_trunc('month', all_surveys.responded_dt) AS DATE) AS month_date,
        all_surveys.survey,
        coalesce(named_order.brand, golden_record.brand) AS brand,
        coalesce(named_order.locale, golden_record.locale) AS locale,
        all_surveys.score,
        customer_ref_key.customer_key
    FROM all_surveys
    LEFT JOIN named_order ON all_surveys.order_id = named_order.order_id
    LEFT JOIN scv.customer_ref_key
        ON customer_ref_key.customer_ref = concat(all_surveys.customer_source, ':', all_surveys.customer_id)
    LEFT JOIN scv.golden_record ON customer_ref_key.customer_key = golden_record.customer_key
    WHERE all_surveys.responded_dt <= $as_of AND all_surveys.survey IS NOT NULL AND all_surveys.score IS NOT NULL
)

SELECT
    month_date,
    survey,
    brand,
    locale,
    count(*) AS number_of_responses,
    count(DISTINCT customer_key) AS number_of_customers,
    CASE WHEN survey = 'nps' THEN count(CASE WHEN score >= 9 THEN 1 END) END AS number_of_promoters,
    CASE WHEN survey = 'nps' THEN count(CASE WHEN score BETWEEN 7 AND 8 THEN 1 END) END AS number_of_passives,
    CASE WHEN survey = 'nps' THEN count(CASE WHEN score <= 6 THEN 1 END) END AS number_of_detractors,
    CASE
        WHEN survey = 'nps'
            THEN 100.0 * (count(CASE WHEN score >= 9 THEN 1 END) - count(CASE WHEN score <= 6 THEN 1 END)) / count(*)
    END AS nps,
    CASE WHEN survey = 'csat' THEN count(CASE WHEN score >= $satisfied_from THEN 1 END) END AS number_of_satisfied,
    CASE
        WHEN survey = 'csat' THEN 100.0 * count(CASE WHEN score >= $satisfied_from THEN 1 END) / count(*)
    END AS satisfied_pct,
    avg(score) AS score_mean
FROM answer
GROUP BY month_date, survey, brand, locale
ORDER BY month_date, survey, brand, locale
