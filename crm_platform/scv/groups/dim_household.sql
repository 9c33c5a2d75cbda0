-- scv.dim_household: households as they stand. Grain: one row per household. Type 1. Key: household_key.
-- Reads: scv.household_member, scv.golden_record. Address and surname are those of the member of whom most was said last.
WITH members AS (
    SELECT
        household_member.household_key,
        golden_record.*,
        row_number() OVER (
            PARTITION BY household_member.household_key
            ORDER BY
                CASE WHEN golden_record.address_line IS NULL THEN 1 ELSE 0 END,
                golden_record.last_seen_dt DESC,
                golden_record.customer_key
        ) AS place
    FROM scv.household_member
    INNER JOIN scv.golden_record ON household_member.customer_key = golden_record.customer_key
),

counted AS (
    SELECT
        household_key,
        count(*) AS number_of_customers,
        max(income_band) AS income_band,
        min(first_seen_dt) AS first_seen_dt,
        max(last_seen_dt) AS last_seen_dt
    FROM members
    GROUP BY household_key
)

SELECT
    members.household_key,
    members.last_name AS household_name,
    members.address_line,
    members.city,
    members.region,
    members.postcode,
    members.country,
    counted.number_of_customers,
    coalesce(members.income_band, counted.income_band) AS income_band,
    counted.first_seen_dt,
    counted.last_seen_dt
FROM members
INNER JOIN counted ON members.household_key = counted.household_key
WHERE members.place = 1
ORDER BY members.household_key
