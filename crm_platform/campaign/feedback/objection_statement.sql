-- objection_statement: complaints and unsubscribes as permission reads statements of consent. A query of another stage's build, not a table.
-- Grain: one row per objection. Key: event_id. Reads: campaign.objection.
-- Where the communication is not known every one by e-mail is meant, under the brand that sent it.
SELECT
    event_id,
    source,
    feed,
    event_type,
    customer_ref,
    customer_ref IS NOT NULL AS has_customer_id,
    email,
    communication,
    'email' AS channel,
    brand,
    CASE event_type WHEN 'complaint' THEN 'complaint' ELSE 'answer to a campaign' END AS form,
    request_method,
    event_dt,
    told_dt AS received_dt,
    told_dt,
    loaded_dt,
    file_id,
    file_part,
    file_line
FROM campaign.objection
