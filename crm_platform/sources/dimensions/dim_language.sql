-- sources.dim_language: the languages as they stand. Grain: one row per language. Type 1: an attribute is overwritten.
-- Key: language_key, given to each language_code by build.py.
-- Reads: company_languages (config/company.yaml).
SELECT
    code AS language_code,
    name AS language_name
FROM company_languages
