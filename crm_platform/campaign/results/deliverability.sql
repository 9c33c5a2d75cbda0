-- campaign.deliverability: how e-mail arrives. Type: mart, rebuilt; months of the same rows stay.
-- Grain: one row per day, campaign, mailbox provider and domain. Key: sent_date, campaign_id, mailbox_provider, email_domain.
-- The counts; rates.sql adds the rates.
-- Reads: campaign.fact_campaign_delivery, sources.dim_channel, mailbox_domain (domain, provider).
SELECT
    CAST(fact.due_dt AS DATE) AS sent_date,
    fact.campaign_id,
    coalesce(mailbox_domain.provider, 'other') AS mailbox_provider,
    fact.email_domain,
    CAST(sum(fact.address_invalid_flag) AS BIGINT) AS number_address_invalid,
    count(*) AS number_selected,
    count(*) FILTER (WHERE fact.delivery_status_key = 3) AS number_not_sent,
    count(*) FILTER (WHERE fact.delivery_status_key < 3) AS number_sent,
    count(*) FILTER (WHERE fact.delivery_status_key = 1) AS number_delivered,
    count(*) FILTER (WHERE fact.delivery_status_key = 0) AS number_failed,
    count(*) FILTER (WHERE fact.delivery_status_key = 2) AS number_pending,
    count(*) FILTER (WHERE fact.bounce_kind = 'hard') AS number_hard_bounced,
    count(*) FILTER (WHERE fact.bounce_kind <> 'hard') AS number_soft_bounced,
    CAST(sum(fact.complaint_flag) AS BIGINT) AS number_complained,
    CAST(sum(fact.unsubscribe_flag) AS BIGINT) AS number_unsubscribed,
    count(*) FILTER (WHERE fact.open_status = 1) AS number_opened,
    count(*) FILTER (WHERE fact.open_status > 0 OR fact.number_of_machine_opens > 0) AS number_opened_raw,
    count(*) FILTER (WHERE fact.number_of_clicks > 0) AS number_clicked,
    count(*) FILTER (WHERE fact.number_of_clicks + fact.number_of_machine_clicks > 0) AS number_clicked_raw
FROM campaign.fact_campaign_delivery AS fact
INNER JOIN sources.dim_channel AS dim_channel ON dim_channel.channel_key = fact.channel_key
LEFT JOIN mailbox_domain ON mailbox_domain.domain = fact.email_domain
WHERE dim_channel.channel_code = 'email'
GROUP BY ALL
