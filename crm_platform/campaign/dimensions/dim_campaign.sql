-- campaign.dim_campaign: the campaigns as they stand. Grain: one row per campaign. Type 1: an attribute is overwritten.
-- Key: campaign_key, given to each campaign_id by build.py.
-- Reads: all_campaigns, member_campaign (campaign_id: those that only members tell of).
SELECT
    named.campaign_id,
    told.campaign_name,
    told.campaign_kind,
    told.communication AS communication_code,
    told.channel AS channel_code,
    told.brand AS brand_code,
    told.locale AS locale_code,
    told.offer,
    told.promotion_code,
    told.budget_amount,
    told.cost_amount,
    told.currency,
    told.success_product_id,
    told.success_days,
    told.starts_date,
    told.ends_date
FROM (
    SELECT campaign_id FROM all_campaigns
    UNION
    SELECT campaign_id FROM member_campaign
) AS named
LEFT JOIN (
    SELECT *, row_number() OVER (PARTITION BY campaign_id ORDER BY file_dt DESC, source, content_hash) AS place
    FROM all_campaigns
) AS told ON named.campaign_id = told.campaign_id AND told.place = 1
