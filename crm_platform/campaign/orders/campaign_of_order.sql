-- campaign_of_order: the campaign that each order came of. A temporary table of the build, not a table of the lake.
-- Grain: one row per order that came of a campaign. Key: source, order_id.
-- Evidence in the order of config/campaign.yaml: the promotion code on the order; a person's click before it; the analytics export. The first
-- kind that names a campaign decides; of several of that kind the last or the first. What another kind names is kept as disputed.
-- Reads: known_orders, known_analytics_conversions, scv.customer_ref_key, campaign.dim_campaign, campaign.fact_campaign_delivery,
-- campaign.fact_clickthrough, evidence_place (evidence, place).
WITH bought AS (
    SELECT
        known_orders.source,
        known_orders.order_id,
        known_orders.order_dt,
        upper(trim(known_orders.promotion_code)) AS promotion_code,
        numbered.customer_key
    FROM known_orders
    LEFT JOIN scv.customer_ref_key AS numbered
        ON numbered.customer_ref = known_orders.customer_source || ':' || known_orders.customer_id
),
planned AS (
    SELECT
        campaign_id,
        upper(trim(promotion_code)) AS promotion_code,
        starts_date,
        ends_date,
        coalesce($window_days, success_days, $default_window_days) AS window_days
    FROM campaign.dim_campaign
    WHERE campaign_key > 0
),
sent AS (
    SELECT delivery.customer_key, delivery.campaign_id, delivery.cell_id, delivery.member_id, delivery.due_dt, delivery.sent_dt, planned.window_days
    FROM campaign.fact_campaign_delivery AS delivery
    INNER JOIN planned ON planned.campaign_id = delivery.campaign_id
    WHERE delivery.customer_key > 0
),
coded AS (
    SELECT
        bought.source, bought.order_id, 'promotion_code' AS evidence, planned.campaign_id, sent.cell_id, sent.member_id,
        CAST(0 AS BIGINT) AS url_key, planned.window_days, coalesce(sent.sent_dt, CAST(planned.starts_date AS TIMESTAMP WITH TIME ZONE)) AS touched_dt
    FROM bought
    INNER JOIN planned ON planned.promotion_code = bought.promotion_code
    LEFT JOIN sent
        ON sent.campaign_id = planned.campaign_id AND sent.customer_key = bought.customer_key AND sent.due_dt <= bought.order_dt
        AND bought.order_dt <= sent.due_dt + to_days(CAST(planned.window_days AS INTEGER))
    WHERE sent.member_id IS NOT NULL
        OR CAST(bought.order_dt AS DATE)
        BETWEEN planned.starts_date AND coalesce(planned.ends_date, planned.starts_date + CAST(planned.window_days AS INTEGER))
),
clicked AS (
    SELECT
        bought.source, bought.order_id, 'click' AS evidence, sent.campaign_id, sent.cell_id, sent.member_id, click.url_key,
        sent.window_days, click.first_clicked_dt AS touched_dt
    FROM bought
    INNER JOIN sent ON sent.customer_key = bought.customer_key
    INNER JOIN campaign.fact_clickthrough AS click
        ON click.campaign_id = sent.campaign_id AND click.cell_id = sent.cell_id AND click.member_id = sent.member_id
    WHERE click.click_status = 1 AND click.first_clicked_dt <= bought.order_dt
        AND bought.order_dt <= sent.sent_dt + to_days(CAST(sent.window_days AS INTEGER))
),
exported AS (
    SELECT
        bought.source, bought.order_id, 'analytics' AS evidence, told.campaign_id, sent.cell_id, sent.member_id,
        coalesce(dim_url.url_key, 0) AS url_key, planned.window_days, told.event_dt AS touched_dt
    FROM (
        -- A correction below zero takes a conversion back.
        SELECT order_id, campaign_id, min(link_id) AS link_id, min(event_dt) AS event_dt
        FROM known_analytics_conversions
        WHERE campaign_id IS NOT NULL
        GROUP BY order_id, campaign_id
        HAVING coalesce(sum(value_amount), 1) > 0
    ) AS told
    INNER JOIN bought ON bought.order_id = told.order_id
    INNER JOIN planned ON planned.campaign_id = told.campaign_id
    LEFT JOIN sent
        ON sent.campaign_id = told.campaign_id AND sent.customer_key = bought.customer_key AND sent.due_dt <= bought.order_dt
    LEFT JOIN campaign.dim_url AS dim_url ON dim_url.campaign_id = told.campaign_id AND dim_url.link_id = told.link_id
    WHERE CAST(bought.order_dt AS DATE) - coalesce(CAST(sent.sent_dt AS DATE), planned.starts_date) BETWEEN 0 AND planned.window_days
),
evidence AS (
    SELECT claim.*, evidence_place.place
    FROM (
        SELECT * FROM coded
        UNION ALL
        SELECT * FROM clicked
        UNION ALL
        SELECT * FROM exported
    ) AS claim
    INNER JOIN evidence_place ON evidence_place.evidence = claim.evidence
),
ordered AS (
    SELECT *, row_number() OVER (
        PARTITION BY source, order_id
        ORDER BY
            place,
            member_id IS NULL,
            CASE WHEN $is_last_touch THEN -epoch_us(touched_dt) ELSE epoch_us(touched_dt) END,
            campaign_id, cell_id, member_id, url_key
    ) AS claim_place
    FROM evidence
)
SELECT
    chosen.source,
    chosen.order_id,
    chosen.evidence,
    chosen.campaign_id,
    chosen.cell_id,
    chosen.member_id,
    chosen.url_key,
    chosen.window_days,
    chosen.touched_dt,
    (
        SELECT min(other.campaign_id) FROM evidence AS other
        WHERE other.source = chosen.source AND other.order_id = chosen.order_id AND other.campaign_id <> chosen.campaign_id
    ) AS disputed_campaign_id
FROM ordered AS chosen
WHERE chosen.claim_place = 1
