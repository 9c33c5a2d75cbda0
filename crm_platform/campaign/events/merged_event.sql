-- merged_event: the events of the days touched, each once, with the member of the campaign whom they concern.
-- Grain: one row per event. Key: event_id. Type: a step of campaign.event, not a table of the lake.
-- Of several deliveries of an event the one received first stands, so that the order of loading makes no difference.
-- Reads: arrived_event (new rows and those of the days touched), campaign_member_of_event (the members whom they name).
-- Most events are told once: only the others are put in order.
WITH told_again AS (
    SELECT event_id FROM arrived_event GROUP BY event_id HAVING count(*) > 1
),
first_delivery AS (
    SELECT * FROM arrived_event ANTI JOIN told_again USING (event_id)
    UNION ALL
    SELECT * EXCLUDE (delivery)
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY event_id ORDER BY received_dt, file_id, file_part, file_line, event_dt
        ) AS delivery
        FROM arrived_event
        SEMI JOIN told_again USING (event_id)
    ) AS delivered
    WHERE delivery = 1
),
member AS (
    SELECT
        campaign_id, member_id, min(cell_id) AS cell_id, min(customer_source || ':' || customer_id) AS customer_ref,
        min(lower(email)) AS email, min(sent_dt) AS sent_dt
    FROM campaign_member_of_event
    GROUP BY campaign_id, member_id
),
by_message AS (
    SELECT message_id, campaign_id, member_id
    FROM (
        SELECT
            trim(message_id, '<> ') AS message_id, campaign_id, member_id,
            row_number() OVER (PARTITION BY trim(message_id, '<> ') ORDER BY campaign_id, member_id) AS turn
        FROM campaign_member_of_event
        WHERE message_id IS NOT NULL
    ) AS told
    WHERE turn = 1
),
placed AS (
    SELECT
        first_delivery.* EXCLUDE (campaign_id, member_id),
        CASE WHEN first_delivery.member_id IS NULL THEN coalesce(by_message.campaign_id, first_delivery.campaign_id)
            ELSE first_delivery.campaign_id END AS campaign_id,
        coalesce(first_delivery.member_id, by_message.member_id) AS member_id
    FROM first_delivery
    LEFT JOIN by_message ON by_message.message_id = first_delivery.original_message_id
)
SELECT
    placed.* EXCLUDE (customer_ref, recipient),
    coalesce(member.customer_ref, placed.customer_ref) AS customer_ref,
    coalesce(placed.recipient, CASE WHEN placed.channel = 'email' THEN member.email END) AS recipient,
    member.cell_id,
    member.sent_dt,
    strftime(placed.event_dt, '%Y-%m-%d') AS event_day
FROM placed
LEFT JOIN member ON member.campaign_id = placed.campaign_id AND member.member_id = placed.member_id
