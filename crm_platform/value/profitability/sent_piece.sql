-- sent_piece: the pieces of campaigns that were sent up to $as_of. Grain: one row per piece. No table: a step of the profitability. Key: none.
-- Reads: all_campaign_members, all_campaigns, scv.customer_ref_key.
SELECT
    all_campaign_members.source,
    all_campaign_members.campaign_id,
    coalesce(customer_ref_key.customer_key, 0) AS customer_key,
    all_campaign_members.sent_dt,
    all_campaigns.channel,
    all_campaigns.cost_amount AS campaign_cost_amount
FROM all_campaign_members
LEFT JOIN all_campaigns
    ON all_campaign_members.source = all_campaigns.source AND all_campaign_members.campaign_id = all_campaigns.campaign_id
LEFT JOIN scv.customer_ref_key
    ON customer_ref_key.customer_ref = concat(all_campaign_members.customer_source, ':', all_campaign_members.customer_id)
WHERE all_campaign_members.sent_dt <= $as_of
