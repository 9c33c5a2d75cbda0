-- permission.active_subscriber: who subscribes to what now. Grain: one row per customer, communication and channel. Type 1.
-- Key: communication_code, channel_code, customer_key.
-- Reads: permission.fact_subscription, decision (as of the run), asked_question, sources.dim_communication, sources.dim_channel,
-- scv.golden_record.
SELECT
    dim_communication.communication_code,
    dim_communication.communication_name,
    dim_channel.channel_code,
    fact_subscription.customer_key,
    golden_record.full_name,
    golden_record.email,
    golden_record.mobile_phone,
    golden_record.address_line,
    golden_record.postcode,
    golden_record.city,
    golden_record.country,
    fact_subscription.subscribed_dt,
    decision.is_permitted,
    decision.reason_code
FROM permission.fact_subscription
INNER JOIN sources.dim_communication ON fact_subscription.communication_key = dim_communication.communication_key
INNER JOIN sources.dim_channel ON fact_subscription.channel_key = dim_channel.channel_key
INNER JOIN scv.golden_record ON fact_subscription.customer_key = golden_record.customer_key
INNER JOIN asked_question
    ON dim_communication.communication_code = asked_question.communication AND dim_channel.channel_code = asked_question.channel
INNER JOIN decision
    ON fact_subscription.customer_key = decision.customer_key AND asked_question.question_number = decision.question_number
WHERE fact_subscription.is_active_flag = 1
ORDER BY 1, 3, 4
