-- member: who takes part. Grain: one row per customer. No table: a step of the ledger. Key: customer_key.
-- Reads: scv.golden_record, taking_part (customer_type).
SELECT
    golden_record.customer_key,
    golden_record.birth_date
FROM scv.golden_record
INNER JOIN taking_part ON coalesce(golden_record.customer_type, 'person') = taking_part.customer_type
