-- campaign.dim_cell: the cells as they stand. Grain: one row per cell of a campaign. Type 1: an attribute is overwritten.
-- Key: cell_key, given to each cell_ref by build.py.
-- Reads: all_campaign_cells, member_cell (campaign_id, cell_id: those that only members tell of).
SELECT
    concat(named.campaign_id, '/', named.cell_id) AS cell_ref,
    told.cell_name,
    named.campaign_id,
    named.cell_id,
    CAST(told.is_control AS BIGINT) AS is_control,
    told.control_level,
    told.treatment
FROM (
    SELECT campaign_id, cell_id FROM all_campaign_cells
    UNION
    SELECT campaign_id, cell_id FROM member_cell
) AS named
LEFT JOIN (
    SELECT *, row_number() OVER (PARTITION BY campaign_id, cell_id ORDER BY file_dt DESC, source, content_hash) AS place
    FROM all_campaign_cells
) AS told ON named.campaign_id = told.campaign_id AND named.cell_id = told.cell_id AND told.place = 1
