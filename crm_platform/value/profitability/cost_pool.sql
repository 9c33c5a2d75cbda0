-- cost_pool: costs that are known as a whole and shared out. Grain: one row per cost, and of overheads per month. No table: a step of the
-- profitability. Key: component, pool, month_date. Reads: overhead, all_campaigns, sent_piece, converted_part, exchange_rate.
-- Overheads begin with the first month in which anything was sold; of the present month those days are carried that have passed. A campaign is carried
-- by its pieces, in the months in which they were sent; one without any by nobody whom we know, in the month in which it starts.
WITH present AS (
    SELECT
        CAST(date_trunc('month', CAST($as_of AS TIMESTAMP)) AS DATE) AS month_date,
        day(CAST($as_of AS TIMESTAMP)) AS days_passed
),

sold_month AS (
    SELECT min(month_date) AS first_date
    FROM converted_part
    WHERE component = 'revenue'
),

month AS (
    SELECT
        CAST(unnest(generate_series(CAST(sold_month.first_date AS TIMESTAMP), CAST(present.month_date AS TIMESTAMP), INTERVAL 1 MONTH)) AS DATE)
        AS month_date
    FROM sold_month
    CROSS JOIN present
    WHERE sold_month.first_date IS NOT NULL
),

campaign AS (
    SELECT
        all_campaigns.source,
        all_campaigns.campaign_id,
        all_campaigns.cost_amount,
        coalesce(all_campaigns.currency, $currency) AS currency,
        CAST(date_trunc('month', all_campaigns.starts_date) AS DATE) AS month_date,
        EXISTS (
            SELECT 1 FROM sent_piece
            WHERE sent_piece.source = all_campaigns.source AND sent_piece.campaign_id = all_campaigns.campaign_id
        ) AS has_pieces
    FROM all_campaigns
    WHERE all_campaigns.cost_amount IS NOT NULL
)

SELECT
    'overhead' AS component,
    overhead.overhead AS pool,
    month.month_date,
    overhead.shared_by,
    CAST(
        round(
            100 * overhead.amount
            * CASE
                WHEN month.month_date = present.month_date
                    THEN CAST(present.days_passed AS DECIMAL(9, 4)) / day(last_day(month.month_date))
                ELSE 1
            END
        ) AS BIGINT
    ) AS cents
FROM overhead
INNER JOIN month ON month.month_date >= overhead.from_date AND month.month_date < overhead.until_date
CROSS JOIN present
UNION ALL
SELECT
    'campaign',
    concat(campaign.source, ':', campaign.campaign_id),
    campaign.month_date,
    CASE WHEN campaign.has_pieces THEN 'pieces' ELSE 'nobody' END,
    CAST(round(campaign.cost_amount * exchange_rate.rate * 100) AS BIGINT)
FROM campaign
INNER JOIN exchange_rate
    ON campaign.currency = exchange_rate.currency
    AND campaign.month_date >= exchange_rate.from_date
    AND campaign.month_date < exchange_rate.until_date
WHERE campaign.month_date <= CAST($as_of AS DATE)
