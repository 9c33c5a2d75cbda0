-- scv.dim_organisation: companies and their hierarchy. Grain: one row per company. Type 1. Key: organisation_key.
-- Reads: organisation_member (organisation_key, customer_key, organisation_name, country), company (the company customers),
-- declared_parent (customer_key, parent_customer_key), scv.organisation_contact.
-- Where declarations go round in a circle, its company of the lowest key is the head.
WITH RECURSIVE organisations AS (
    SELECT
        organisation_key,
        min(customer_key) AS customer_key,
        min(organisation_name) AS organisation_name,
        min(country) AS country
    FROM organisation_member
    GROUP BY organisation_key
),

parents AS (
    SELECT child.organisation_key, parent.organisation_key AS parent_organisation_key
    FROM organisations AS child
    INNER JOIN declared_parent ON child.customer_key = declared_parent.customer_key
    INNER JOIN organisations AS parent ON declared_parent.parent_customer_key = parent.customer_key
    WHERE child.organisation_key <> parent.organisation_key
),

ancestors AS (
    -- UNION, not UNION ALL: a circle comes to its end.
    SELECT organisation_key, parent_organisation_key AS ancestor_key FROM parents
    UNION
    SELECT ancestors.organisation_key, parents.parent_organisation_key
    FROM ancestors
    INNER JOIN parents ON ancestors.ancestor_key = parents.organisation_key
),

circle_heads AS (
    SELECT one.organisation_key
    FROM ancestors AS one
    LEFT JOIN ancestors AS other
        ON one.organisation_key = other.organisation_key AND other.ancestor_key < one.organisation_key
        AND EXISTS (
            SELECT 1 FROM ancestors AS back
            WHERE back.organisation_key = other.ancestor_key AND back.ancestor_key = one.organisation_key
        )
    WHERE one.ancestor_key = one.organisation_key
    GROUP BY one.organisation_key
    HAVING count(other.ancestor_key) = 0
),

straight_parents AS (
    SELECT parents.*
    FROM parents
    LEFT JOIN circle_heads ON parents.organisation_key = circle_heads.organisation_key
    WHERE circle_heads.organisation_key IS NULL
),

chains AS (
    SELECT organisations.organisation_key, organisations.organisation_key AS top_organisation_key, 1 AS hierarchy_level
    FROM organisations
    LEFT JOIN straight_parents ON organisations.organisation_key = straight_parents.organisation_key
    WHERE straight_parents.organisation_key IS NULL
    UNION ALL
    SELECT straight_parents.organisation_key, chains.top_organisation_key, chains.hierarchy_level + 1
    FROM chains
    INNER JOIN straight_parents ON chains.organisation_key = straight_parents.parent_organisation_key
),

contacts AS (
    SELECT organisation_key, count(*) AS number_of_contacts FROM scv.organisation_contact GROUP BY organisation_key
),

subsidiaries AS (
    SELECT parent_organisation_key AS organisation_key, count(*) AS number_of_subsidiaries
    FROM straight_parents
    GROUP BY parent_organisation_key
)

SELECT
    organisations.organisation_key,
    organisations.customer_key,
    organisations.organisation_name,
    company.tax_id,
    company.industry_code,
    organisations.country,
    straight_parents.parent_organisation_key,
    chains.top_organisation_key,
    CAST(chains.hierarchy_level AS BIGINT) AS hierarchy_level,
    coalesce(contacts.number_of_contacts, 0) AS number_of_contacts,
    coalesce(subsidiaries.number_of_subsidiaries, 0) AS number_of_subsidiaries
FROM organisations
INNER JOIN chains ON organisations.organisation_key = chains.organisation_key
LEFT JOIN straight_parents ON organisations.organisation_key = straight_parents.organisation_key
LEFT JOIN company ON organisations.customer_key = company.customer_key
LEFT JOIN contacts ON organisations.organisation_key = contacts.organisation_key
LEFT JOIN subsidiaries ON organisations.organisation_key = subsidiaries.organisation_key
ORDER BY organisations.organisation_key
