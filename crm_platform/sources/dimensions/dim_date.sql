-- sources.dim_date: the calendar and the row of no date. Grain: one row per day. Type: fixed. Key: date_key (yyyymmdd).
-- Reads nothing: the same rows every time.
WITH days AS (
    SELECT CAST(unnest(generate_series(DATE '1900-01-01', DATE '2100-12-31', INTERVAL 1 DAY)) AS DATE) AS calendar_date
),

parts AS (
    SELECT
        calendar_date,
        CAST(extract(YEAR FROM calendar_date) AS BIGINT) AS calendar_year,
        CAST(extract(QUARTER FROM calendar_date) AS BIGINT) AS calendar_quarter,
        CAST(extract(MONTH FROM calendar_date) AS BIGINT) AS calendar_month,
        CAST(extract(DAY FROM calendar_date) AS BIGINT) AS day_of_month,
        CAST(extract(DOY FROM calendar_date) AS BIGINT) AS day_of_year,
        CAST(extract(ISOYEAR FROM calendar_date) AS BIGINT) AS iso_year,
        CAST(extract(WEEK FROM calendar_date) AS BIGINT) AS iso_week,
        CAST(extract(ISODOW FROM calendar_date) AS BIGINT) AS day_of_week,
        CAST(date_trunc('month', calendar_date) AS DATE) AS first_date_of_month,
        CAST(last_day(calendar_date) AS DATE) AS last_date_of_month
    FROM days
)

SELECT
    calendar_year * 10000 + calendar_month * 100 + day_of_month AS date_key,
    calendar_date,
    calendar_year,
    calendar_quarter,
    calendar_month,
    strftime(calendar_date, '%B') AS month_name,
    day_of_month,
    day_of_year,
    iso_year,
    iso_week,
    day_of_week,
    strftime(calendar_date, '%A') AS weekday_name,
    strftime(calendar_date, '%Y-%m') AS year_month,
    concat(calendar_year, '-Q', calendar_quarter) AS year_quarter,
    concat(iso_year, '-W', lpad(CAST(iso_week AS VARCHAR), 2, '0')) AS year_week,
    first_date_of_month,
    last_date_of_month,
    CAST(CASE WHEN day_of_week >= 6 THEN 1 ELSE 0 END AS BIGINT) AS is_weekend,
    CAST(CASE WHEN calendar_date = last_date_of_month THEN 1 ELSE 0 END AS BIGINT) AS is_last_day_of_month
FROM parts
UNION ALL
SELECT
    0, NULL, NULL, NULL, NULL, 'Unknown', NULL, NULL, NULL, NULL, NULL, 'Unknown', NULL, NULL, NULL, NULL, NULL, NULL, NULL
ORDER BY date_key
