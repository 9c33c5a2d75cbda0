-- campaign.dim_url: the links as they stand. Grain: one row per link of a campaign. Type 1: an attribute is overwritten.
-- Key: url_key, given to each link_ref by build.py.
-- Reads: all_campaign_links.
SELECT
    concat(campaign_id, '/', link_id) AS link_ref,
    url,
    campaign_id,
    link_id,
    regexp_replace(url, '[?#].*$', '') AS page
FROM (
    SELECT *, row_number() OVER (PARTITION BY campaign_id, link_id ORDER BY file_dt DESC, source, content_hash) AS place
    FROM all_campaign_links
) AS told
WHERE place = 1
