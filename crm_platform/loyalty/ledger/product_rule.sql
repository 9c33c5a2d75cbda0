-- product_rule: which products count for the rules that ask for the product. Grain: one row per product and rule. No table: a step of the ledger.
-- Key: product_id, rule_number. Reads: sources.dim_product, earning_rule. A product that no catalogue has counts where a rule names it.
SELECT
    dim_product.product_id,
    earning_rule.rule_number
FROM sources.dim_product
INNER JOIN earning_rule
    ON earning_rule.is_by_product
    AND (earning_rule.products IS NULL OR list_contains(earning_rule.products, dim_product.product_id))
    AND (earning_rule.product_lines IS NULL OR list_contains(earning_rule.product_lines, dim_product.product_line))
    AND (earning_rule.categories IS NULL OR list_contains(earning_rule.categories, dim_product.category))
    AND (earning_rule.brands IS NULL OR list_contains(earning_rule.brands, dim_product.brand_code))
UNION
SELECT
    named.product_id,
    named.rule_number
FROM (
    SELECT
        rule_number,
        unnest(products) AS product_id
    FROM earning_rule
    WHERE product_lines IS NULL AND categories IS NULL AND brands IS NULL
) AS named
