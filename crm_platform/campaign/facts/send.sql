-- send: what the campaigns that are counted sent to whom, as it stands. A temporary table of the build, not a table of the lake.
-- Grain: one row per member of a cell of a campaign. Key: source, campaign_id, cell_id, member_id.
-- Reads: counted_member (the newest version of the members of these campaigns), wanted_day (day: the days that are made anew).
SELECT
    source,
    campaign_id,
    cell_id,
    member_id,
    customer_source || ':' || customer_id AS customer_ref,
    lower(email) AS email,
    trim(message_id, '<> ') AS message_id,
    CASE WHEN sent_dt IS NULL THEN not_sent_reason END AS not_sent_reason,
    selected_dt,
    sent_dt,
    coalesce(sent_dt, selected_dt) AS due_dt,
    strftime(coalesce(sent_dt, selected_dt), '%Y-%m-%d') AS due_day,
    strftime(coalesce(sent_dt, selected_dt), '%Y-%m-%d') IN (SELECT wanted_day.day FROM wanted_day) AS is_wanted
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY source, campaign_id, cell_id, member_id ORDER BY file_dt DESC, content_hash
    ) AS place
    FROM counted_member
) AS told
WHERE place = 1
