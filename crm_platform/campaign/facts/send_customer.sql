-- send_customer: whom each thing was sent to, by today's keys. A temporary table of the build, not a table of the lake.
-- Grain: one row per member of the days that are made anew whose customer is known. Key: source, campaign_id, cell_id, member_id.
-- By the source's own number; else by the e-mail address that a customer had at the time, where it was one customer's alone.
-- Reads: send, scv.customer_ref_key, scv.dim_customer_history.
WITH by_number AS (
    SELECT send.source, send.campaign_id, send.cell_id, send.member_id, numbered.customer_key, 'number' AS found_by
    FROM send
    INNER JOIN scv.customer_ref_key AS numbered ON numbered.customer_ref = send.customer_ref
    WHERE send.is_wanted
),
unnumbered AS (
    SELECT *
    FROM send
    WHERE is_wanted AND email IS NOT NULL AND coalesce(customer_ref, '') NOT IN (SELECT customer_ref FROM scv.customer_ref_key)
)
SELECT * FROM by_number
UNION ALL
SELECT
    unnumbered.source, unnumbered.campaign_id, unnumbered.cell_id, unnumbered.member_id, min(history.customer_key), 'address'
FROM unnumbered
INNER JOIN scv.dim_customer_history AS history
    ON lower(history.email) = unnumbered.email AND history.valid_from_dt <= unnumbered.due_dt
    AND (history.valid_until_dt IS NULL OR history.valid_until_dt > unnumbered.due_dt)
GROUP BY unnumbered.source, unnumbered.campaign_id, unnumbered.cell_id, unnumbered.member_id
HAVING count(DISTINCT history.customer_key) = 1
