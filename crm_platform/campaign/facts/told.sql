-- told: what was told of what was sent, each statement at the member that it concerns. A temporary table of the build, not a table of the lake.
-- Grain: one row per statement and member. Key: statement_id, source, campaign_id, cell_id, member_id.
-- A statement names its member (a signed identifier, a message), or a customer or address of a campaign: then it is about what was sent to
-- them last before it. A mail that names no message of ours counts for the address, for no member.
-- Reads: send, campaign.event, campaign.mail_report, people_proxy (rule: proxies that act when a person does).
WITH statement AS (
    SELECT
        event_id,
        campaign_id,
        cell_id,
        member_id,
        customer_ref,
        recipient,
        event_type,
        bounce_kind,
        reason,
        address_invalid,
        link_id,
        url,
        CASE
            WHEN actor_class = 'privacy_proxy' AND actor_rule IN (SELECT people_proxy.rule FROM people_proxy) THEN 'human'
            ELSE actor_class
        END AS actor_class,
        event_dt
    FROM campaign.event
    WHERE event_dt >= $since AND campaign_id IN (SELECT DISTINCT send.campaign_id FROM send)
        AND event_type NOT IN ('queued', 'sent', 'unknown', 'autoresponded', 'subscribed')
),
candidate AS (
    SELECT statement.event_id, statement.event_dt, send.source, send.cell_id, send.member_id, send.sent_dt, send.due_dt
    FROM statement
    INNER JOIN send ON send.campaign_id = statement.campaign_id AND send.customer_ref = statement.customer_ref
    WHERE statement.member_id IS NULL
    UNION ALL
    SELECT statement.event_id, statement.event_dt, send.source, send.cell_id, send.member_id, send.sent_dt, send.due_dt
    FROM statement
    INNER JOIN send ON send.campaign_id = statement.campaign_id AND send.email = statement.recipient
    WHERE statement.member_id IS NULL AND statement.customer_ref IS NULL
),
nearest AS (
    SELECT event_id, source, cell_id, member_id
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY event_id
            ORDER BY sent_dt IS NULL, due_dt > event_dt, abs(epoch(event_dt) - epoch(due_dt)), source, cell_id, member_id
        ) AS place
        FROM candidate
    ) AS ordered
    WHERE place = 1
),
placed AS (
    SELECT statement.event_id, send.source, send.cell_id, send.member_id
    FROM statement
    INNER JOIN send
        ON send.campaign_id = statement.campaign_id AND send.cell_id = statement.cell_id AND send.member_id = statement.member_id
    UNION ALL
    SELECT event_id, source, cell_id, member_id FROM nearest
)
SELECT
    statement.event_id AS statement_id,
    placed.source,
    statement.campaign_id,
    placed.cell_id,
    placed.member_id,
    statement.event_type,
    statement.bounce_kind,
    statement.reason,
    statement.address_invalid,
    statement.link_id,
    statement.url,
    statement.actor_class,
    statement.event_dt
FROM placed
INNER JOIN statement ON statement.event_id = placed.event_id
UNION ALL
SELECT
    concat(report.message_sha256, '/', report.recipient),
    send.source,
    send.campaign_id,
    send.cell_id,
    send.member_id,
    CASE report.kind WHEN 'bounce' THEN 'bounced' WHEN 'complaint' THEN 'complained' WHEN 'delayed' THEN 'deferred' ELSE 'delivered' END,
    report.bounce_kind,
    report.reason,
    report.address_invalid,
    NULL,
    NULL,
    NULL,
    least(coalesce(report.event_dt, report.received_dt, report.file_dt), report.file_dt)
FROM campaign.mail_report AS report
INNER JOIN send ON send.message_id = report.original_message_id
WHERE report.kind IN ('bounce', 'complaint', 'delayed', 'delivered')
