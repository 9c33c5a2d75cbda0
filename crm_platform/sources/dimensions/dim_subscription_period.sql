-- sources.dim_subscription_period: the periods as they stand. Grain: one row per subscription period. Type 1: an
-- attribute is overwritten. Key: subscription_period_key, given to each subscription_period_code by build.py.
-- Reads: company_subscription_periods (config/company.yaml).
SELECT
    code AS subscription_period_code,
    name AS subscription_period_name,
    months AS number_of_months
FROM company_subscription_periods
