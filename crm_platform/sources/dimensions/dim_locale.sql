-- sources.dim_locale: the locales as they stand. Grain: one row per locale. Type 1: an attribute is overwritten.
-- Key: locale_key, given to each locale_code by build.py.
-- Reads: company_locales, company_countries (config/company.yaml).
SELECT
    company_locales.code AS locale_code,
    company_locales.name AS locale_name,
    company_locales.currency,
    count(*) AS number_of_countries
FROM company_locales
INNER JOIN company_countries ON company_locales.code = company_countries.locale
GROUP BY company_locales.code, company_locales.name, company_locales.currency
