-- scv.dim_household: households as they stand. Grain: one row per household. Type 1. Key: household_key.
-- Reads: scv.household_member, scv.golden_record. Its address is that of the member of whom most was said last.
SELECT
    household_member.household_key,
    mode(golden_record.last_name ORDER BY golden_record.customer_key) AS household_name,
    max_by(golden_record.address_line, newest.place) AS address_line,
    max_by(golden_record.city, newest.place) AS city,
    max_by(golden_record.region, newest.place) AS region,
    max_by(golden_record.postcode, newest.place) AS postcode,
    max_by(golden_record.country, newest.place) AS country,
    count(*) AS number_of_customers,
    max_by(golden_record.income_band, newest.place) AS income_band,
    min(golden_record.first_seen_dt) AS first_seen_dt,
    max(golden_record.last_seen_dt) AS last_seen_dt
FROM scv.household_member
INNER JOIN scv.golden_record ON household_member.customer_key = golden_record.customer_key
INNER JOIN (
    SELECT
        customer_key,
        row_number() OVER (ORDER BY CASE WHEN address_line IS NULL THEN 0 ELSE 1 END, last_seen_dt, customer_key) AS place
    FROM scv.golden_record
) AS newest ON household_member.customer_key = newest.customer_key
GROUP BY household_member.household_key
ORDER BY household_member.household_key
