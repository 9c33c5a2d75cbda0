-- sources.dim_communication: the communications as they stand. Grain: one row per communication. Type 1: an attribute
-- is overwritten. Key: communication_key, given to each communication_code by build.py.
-- Reads: company_communications (config/company.yaml).
SELECT
    code AS communication_code,
    name AS communication_name,
    kind AS communication_kind,
    type AS communication_type,
    brand AS brand_code,
    language AS language_code,
    locales AS locale_codes,
    channels AS channel_codes
FROM company_communications
