-- consent_customer: whom each event concerns, and who said it. A step of consent_event, not a table of the lake.
-- Grain: one row per event and customer. Key: event_id, customer_key.
-- Reads: consent_statement, scv.customer_ref_key, scv.source_record, scv.customer_xref.
-- Where no known number names the customer the address does: a withdrawal concerns everybody who has it.
WITH address_customer AS (
    SELECT DISTINCT concat('email:', lower(source_record.email)) AS address, customer_xref.customer_key
    FROM scv.source_record
    INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
    WHERE source_record.email IS NOT NULL
    UNION
    SELECT concat('phone:', source_record.phone), customer_xref.customer_key
    FROM scv.source_record
    INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
    WHERE source_record.phone IS NOT NULL
    UNION
    SELECT concat('phone:', source_record.mobile_phone), customer_xref.customer_key
    FROM scv.source_record
    INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
    WHERE source_record.mobile_phone IS NOT NULL
),

numbered AS (
    SELECT
        consent_statement.event_id,
        customer_ref_key.customer_key,
        consent_statement.customer_ref AS party
    FROM consent_statement
    INNER JOIN scv.customer_ref_key ON consent_statement.customer_ref = customer_ref_key.customer_ref
    WHERE consent_statement.has_customer_id
),

addressed AS (
    SELECT
        consent_statement.event_id,
        CASE
            WHEN consent_statement.email IS NOT NULL THEN concat('email:', consent_statement.email)
            ELSE concat('phone:', consent_statement.phone)
        END AS address
    FROM consent_statement
    LEFT JOIN numbered ON consent_statement.event_id = numbered.event_id
    WHERE numbered.event_id IS NULL AND (consent_statement.email IS NOT NULL OR consent_statement.phone IS NOT NULL)
)

SELECT event_id, customer_key, party, CAST(1 AS BIGINT) AS number_of_customers FROM numbered
UNION ALL
SELECT
    addressed.event_id,
    address_customer.customer_key,
    addressed.address,
    count(*) OVER (PARTITION BY addressed.event_id)
FROM addressed
INNER JOIN address_customer ON addressed.address = address_customer.address
