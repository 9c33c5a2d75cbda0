-- scv.dim_customer: every customer once. Grain: one row per customer. Type 1 (its history is dim_customer_history).
-- Key: customer_key.
-- Reads: scv.golden_record, scv.household_member, scv.organisation_contact, scv.dim_organisation, scv.customer_role.
WITH roles AS (
    SELECT
        customer_key,
        bool_or(role = 'purchaser' AND is_active) AS is_purchaser,
        min(CASE WHEN role = 'purchaser' THEN since_dt END) AS purchaser_since_dt,
        min(CASE WHEN role = 'purchaser' THEN until_dt END) AS purchaser_until_dt,
        bool_or(role = 'payer' AND is_active) AS is_payer,
        min(CASE WHEN role = 'payer' THEN since_dt END) AS payer_since_dt,
        min(CASE WHEN role = 'payer' THEN until_dt END) AS payer_until_dt,
        bool_or(role = 'registered' AND is_active) AS is_registered,
        min(CASE WHEN role = 'registered' THEN since_dt END) AS registered_since_dt,
        min(CASE WHEN role = 'registered' THEN until_dt END) AS registered_until_dt,
        bool_or(role = 'subscriber' AND is_active) AS is_subscriber,
        min(CASE WHEN role = 'subscriber' THEN since_dt END) AS subscriber_since_dt,
        min(CASE WHEN role = 'subscriber' THEN until_dt END) AS subscriber_until_dt,
        bool_or(role = 'prospect' AND is_active) AS is_prospect,
        min(CASE WHEN role = 'prospect' THEN since_dt END) AS prospect_since_dt,
        min(CASE WHEN role = 'prospect' THEN until_dt END) AS prospect_until_dt
    FROM scv.customer_role
    GROUP BY customer_key
),

organisations AS (
    SELECT customer_key, min(organisation_key) AS organisation_key
    FROM (
        SELECT customer_key, organisation_key FROM scv.organisation_contact
        UNION ALL
        SELECT customer_key, organisation_key FROM scv.dim_organisation WHERE customer_key IS NOT NULL
    ) AS belonging
    GROUP BY customer_key
)

SELECT
    golden_record.*,
    household_member.household_key,
    organisations.organisation_key,
    coalesce(roles.is_purchaser, FALSE) AS is_purchaser,
    roles.purchaser_since_dt,
    roles.purchaser_until_dt,
    coalesce(roles.is_payer, FALSE) AS is_payer,
    roles.payer_since_dt,
    roles.payer_until_dt,
    coalesce(roles.is_registered, FALSE) AS is_registered,
    roles.registered_since_dt,
    roles.registered_until_dt,
    coalesce(roles.is_subscriber, FALSE) AS is_subscriber,
    roles.subscriber_since_dt,
    roles.subscriber_until_dt,
    coalesce(roles.is_prospect, FALSE) AS is_prospect,
    roles.prospect_since_dt,
    roles.prospect_until_dt
FROM scv.golden_record
LEFT JOIN scv.household_member ON golden_record.customer_key = household_member.customer_key
LEFT JOIN organisations ON golden_record.customer_key = organisations.customer_key
LEFT JOIN roles ON golden_record.customer_key = roles.customer_key
ORDER BY golden_record.customer_key
