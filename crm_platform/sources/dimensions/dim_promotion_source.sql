-- sources.dim_promotion_source: the promotion sources as they stand. Grain: one row per promotion source. Type 1: an
-- attribute is overwritten. Key: promotion_source_key, given to each promotion_source_code by build.py.
-- Reads: company_promotion_sources (config/company.yaml).
SELECT
    code AS promotion_source_code,
    name AS promotion_source_name
FROM company_promotion_sources
