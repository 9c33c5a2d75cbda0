-- customer_statement: what was stated of each customer, with the time since when its identifiers reach nobody.
-- Grain: one row per statement. Key: record_id, statement_number. A step of golden_record, not a table of the lake.
-- Reads: scv.source_statement, scv.customer_xref, scv.customer_ref_key, scv.ended_identifier.
-- An identifier that was stated anew after it had ended counts again: only an end after the statement ends it.
-- A number or a home is no longer one customer's; an e-mail address that is no good is so for everybody.
WITH ended_email AS (
    SELECT value, max(ended_dt) AS ended_dt
    FROM scv.ended_identifier
    WHERE kind = 'email' AND ended_dt <= $as_of
    GROUP BY value
),

ended AS (
    SELECT
        customer_ref_key.customer_key,
        ended_identifier.kind,
        ended_identifier.value,
        max(ended_identifier.ended_dt) AS ended_dt
    FROM scv.ended_identifier
    INNER JOIN scv.customer_ref_key ON ended_identifier.customer_ref = customer_ref_key.customer_ref
    WHERE ended_identifier.ended_dt <= $as_of
    GROUP BY customer_ref_key.customer_key, ended_identifier.kind, ended_identifier.value
)

SELECT
    source_statement.*,
    customer_xref.customer_key,
    CASE WHEN ended_email.ended_dt > source_statement.stated_dt THEN ended_email.ended_dt END AS email_ended_dt,
    CASE WHEN ended_phone.ended_dt > source_statement.stated_dt THEN ended_phone.ended_dt END AS phone_ended_dt,
    CASE WHEN ended_mobile.ended_dt > source_statement.stated_dt THEN ended_mobile.ended_dt END AS mobile_phone_ended_dt,
    CASE WHEN ended_address.ended_dt > source_statement.stated_dt THEN ended_address.ended_dt END AS address_ended_dt
FROM scv.source_statement
INNER JOIN scv.customer_xref ON source_statement.record_id = customer_xref.record_id
LEFT JOIN ended_email ON lower(source_statement.email) = ended_email.value
LEFT JOIN ended AS ended_phone
    ON customer_xref.customer_key = ended_phone.customer_key
    AND ended_phone.kind = 'phone'
    AND source_statement.phone = ended_phone.value
LEFT JOIN ended AS ended_mobile
    ON customer_xref.customer_key = ended_mobile.customer_key
    AND ended_mobile.kind = 'phone'
    AND source_statement.mobile_phone = ended_mobile.value
LEFT JOIN ended AS ended_address
    ON customer_xref.customer_key = ended_address.customer_key
    AND ended_address.kind = 'address'
    AND upper(replace(source_statement.postcode, ' ', '')) = ended_address.value
WHERE source_statement.stated_dt <= $as_of
