-- sources.dim_channel: the channels as they stand. Grain: one row per channel. Type 1: an attribute is overwritten.
-- Key: channel_key, given to each channel_code by build.py.
-- Reads: company_channels (config/company.yaml).
SELECT
    code AS channel_code,
    name AS channel_name,
    CASE WHEN is_addressed THEN 1 ELSE 0 END AS is_addressed
FROM company_channels
