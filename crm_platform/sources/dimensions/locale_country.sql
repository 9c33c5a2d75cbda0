-- sources.locale_country: the bridge from locales to their countries. Grain: one row per country of a locale.
-- Type 1: an attribute is overwritten. Key: locale_key, country.
-- Reads: company_countries (config/company.yaml), sources.dim_locale, and itself as it is published.
WITH spanned AS (
    -- A locale that dim_locale does not have yet has no key here, and the contract refuses that.
    SELECT
        dim_locale.locale_key,
        company_countries.code AS country,
        company_countries.name AS country_name,
        company_countries.language AS language_code,
        company_countries.time_zone,
        company_countries.vat_pct,
        company_countries.calling_code
    FROM company_countries
    LEFT JOIN sources.dim_locale AS dim_locale ON company_countries.locale = dim_locale.locale_code
)

SELECT
    locale_key,
    country,
    country_name,
    language_code,
    time_zone,
    vat_pct,
    calling_code,
    CAST(1 AS BIGINT) AS is_current
FROM spanned
UNION ALL
SELECT
    published.locale_key,
    published.country,
    published.country_name,
    published.language_code,
    published.time_zone,
    published.vat_pct,
    published.calling_code,
    CAST(0 AS BIGINT) AS is_current
FROM sources.locale_country AS published
LEFT JOIN spanned ON published.locale_key = spanned.locale_key AND published.country = spanned.country
WHERE spanned.country IS NULL
ORDER BY locale_key, country
