-- sources.dim_brand: the brands as they stand. Grain: one row per brand. Type 1: an attribute is overwritten.
-- Key: brand_key, given to each brand_code by build.py.
-- Reads: company_brands (config/company.yaml).
SELECT
    code AS brand_code,
    name AS brand_name,
    product_line
FROM company_brands
