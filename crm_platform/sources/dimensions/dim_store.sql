-- sources.dim_store: the stores as they stand. Grain: one row per store. Type 1: an attribute is overwritten.
-- Key: store_key, given to each store_id by build.py.
-- Reads: all_stores (the newest version of each row of every source, with `source`, `file_dt`).
WITH ranked_stores AS (
    SELECT
        all_stores.*,
        row_number() OVER (PARTITION BY store_id ORDER BY file_dt DESC NULLS LAST, source) AS place
    FROM all_stores
)

SELECT
    store_id,
    store_name,
    brand AS brand_code,
    locale AS locale_code,
    country,
    city,
    postcode,
    latitude,
    longitude,
    opened_date,
    closed_date,
    source
FROM ranked_stores
WHERE place = 1
