-- scv.source_statement: every version of every record that says who somebody is. Type 0. Grain: one row per version.
-- Key: record_id, statement_number.
-- Reads: every_<feed> (the rows of all sources that were ever loaded, with source, feed, customer_source and place).
-- What was stated after $as_of is as if it had never been said.
WITH stated AS (
    SELECT
        concat(source, '.', feed, ':', customer_id) AS record_id,
        source,
        feed,
        'customers' AS feed_kind,
        CASE WHEN customer_id IS NOT NULL THEN concat(customer_source, ':', customer_id) END AS customer_ref,
        coalesce(customer_type, 'person') AS customer_type,
        title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
        mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
        interests,
        tax_id,
        CASE WHEN parent_customer_id IS NOT NULL THEN concat(customer_source, ':', parent_customer_id) END AS parent_ref,
        CASE WHEN relation_customer_id IS NOT NULL THEN concat(customer_source, ':', relation_customer_id) END AS relation_ref,
        brand, locale, lead_source,
        NULL AS credit_score, NULL AS life_style, NULL AS income_band, NULL AS household_size, NULL AS home_owner,
        NULL AS industry_code,
        created_dt, updated_dt, coalesce(updated_dt, created_dt, file_dt) AS stated_dt,
        coalesce(is_deleted, FALSE) AS is_deleted,
        file_number, file_part, file_line
    FROM every_customers
    UNION ALL
    SELECT
        concat(source, '.', feed, ':', registration_id) AS record_id,
        source,
        feed,
        'registrations' AS feed_kind,
        CASE WHEN customer_id IS NOT NULL THEN concat(customer_source, ':', customer_id) END AS customer_ref,
        'person' AS customer_type,
        title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
        mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
        interests,
        NULL AS tax_id, NULL AS parent_ref, NULL AS relation_ref, brand, locale, promotion_source AS lead_source,
        NULL AS credit_score, NULL AS life_style, NULL AS income_band, NULL AS household_size, NULL AS home_owner,
        NULL AS industry_code,
        registered_dt AS created_dt, updated_dt, coalesce(updated_dt, registered_dt, file_dt) AS stated_dt,
        FALSE AS is_deleted,
        file_number, file_part, file_line
    FROM every_registrations
    UNION ALL
    SELECT
        concat(source, '.', feed, ':', content_hash) AS record_id,
        source,
        feed,
        'leads' AS feed_kind,
        NULL AS customer_ref,
        'person' AS customer_type,
        title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
        mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
        interests,
        NULL AS tax_id, NULL AS parent_ref, NULL AS relation_ref,
        NULL AS brand, NULL AS locale, lead_source,
        NULL AS credit_score, NULL AS life_style, NULL AS income_band, NULL AS household_size, NULL AS home_owner,
        industry_code AS industry_code,
        CAST(noted_date AS TIMESTAMP WITH TIME ZONE) AS created_dt, NULL AS updated_dt,
        coalesce(CAST(noted_date AS TIMESTAMP WITH TIME ZONE), file_dt) AS stated_dt,
        FALSE AS is_deleted,
        file_number, file_part, file_line
    FROM every_leads
    UNION ALL
    SELECT
        concat(source, '.', feed, ':', record_id) AS record_id,
        source,
        feed,
        'enrichments' AS feed_kind,
        CASE WHEN customer_id IS NOT NULL THEN concat(customer_source, ':', customer_id) END AS customer_ref,
        'person' AS customer_type,
        title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
        mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
        interests,
        NULL AS tax_id, NULL AS parent_ref, NULL AS relation_ref,
        NULL AS brand, NULL AS locale, NULL AS lead_source,
        credit_score, life_style, income_band, household_size, home_owner, industry_code,
        NULL AS created_dt, NULL AS updated_dt,
        coalesce(CAST(as_of_date AS TIMESTAMP WITH TIME ZONE), file_dt) AS stated_dt,
        FALSE AS is_deleted,
        file_number, file_part, file_line
    FROM every_enrichments
    UNION ALL
    SELECT
        concat(source, '.', feed, ':', update_id) AS record_id,
        source,
        feed,
        'customer_updates' AS feed_kind,
        CASE WHEN customer_id IS NOT NULL THEN concat(customer_source, ':', customer_id) END AS customer_ref,
        'person' AS customer_type,
        title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
        mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
        interests,
        NULL AS tax_id, NULL AS parent_ref, NULL AS relation_ref,
        NULL AS brand, NULL AS locale, NULL AS lead_source,
        NULL AS credit_score, NULL AS life_style, NULL AS income_band, NULL AS household_size, NULL AS home_owner,
        NULL AS industry_code,
        NULL AS created_dt, NULL AS updated_dt, event_dt AS stated_dt,
        FALSE AS is_deleted,
        file_number, file_part, file_line
    FROM every_customer_updates
)

SELECT
    record_id,
    row_number() OVER versions AS statement_number,
    source,
    feed,
    feed_kind,
    customer_ref,
    customer_type,
    title, first_name, middle_name, last_name, full_name, sex, birth_date, company_name, job_title, job_function, email, phone,
    mobile_phone, address_line, address_line_2, city, region, postcode, country, language, preferred_channel, national_id,
    interests,
    tax_id, parent_ref, relation_ref, brand, locale, lead_source,
    credit_score, life_style, income_band, household_size, home_owner, industry_code,
    created_dt,
    updated_dt,
    stated_dt,
    lead(stated_dt) OVER versions AS superseded_dt,
    is_deleted
FROM stated
WHERE stated_dt <= $as_of
WINDOW versions AS (PARTITION BY record_id ORDER BY stated_dt, file_number, file_part, file_line)
ORDER BY record_id, statement_number
