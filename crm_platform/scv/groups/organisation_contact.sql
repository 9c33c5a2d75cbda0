-- scv.organisation_contact: who works at an organisation. Grain: one row per contact person. Type 1.
-- Key: organisation_key, customer_key.
-- Reads: contact (organisation_key, customer_key, job_title, job_function, named_by).
SELECT organisation_key, customer_key, job_title, job_function, named_by
FROM contact
ORDER BY organisation_key, customer_key
