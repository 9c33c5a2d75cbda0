-- permission.consent_party: which customer each party of the events belonged to, and when. Grain: one row per party, customer and
-- time. Type 2. Key: party, current_customer_key, joined_dt.
-- Reads: permission.consent_event, scv.customer_xref, scv.customer_xref_change.
-- A party is followed by the record that carries its number today; an address is whose it is today.
WITH party AS (
    SELECT party, customer_key, min(taken_dt) AS first_taken_dt
    FROM permission.consent_event
    GROUP BY party, customer_key
),

carrier AS (
    SELECT party.party, party.customer_key, min(customer_xref.record_id) AS record_id
    FROM party
    INNER JOIN scv.customer_xref
        ON party.party = customer_xref.customer_ref AND party.customer_key = customer_xref.customer_key
    GROUP BY party.party, party.customer_key
),

stay AS (
    SELECT
        carrier.party,
        customer_xref_change.to_customer_key AS customer_key,
        carrier.customer_key AS current_customer_key,
        customer_xref_change.changed_dt AS joined_dt,
        lead(customer_xref_change.changed_dt) OVER changes AS until_dt,
        row_number() OVER changes AS stay_number
    FROM carrier
    INNER JOIN scv.customer_xref_change ON carrier.record_id = customer_xref_change.record_id
    WINDOW changes AS (PARTITION BY carrier.party, carrier.customer_key ORDER BY customer_xref_change.run_number)
)

SELECT
    party,
    customer_key,
    current_customer_key,
    CASE WHEN stay_number > 1 THEN joined_dt END AS from_dt,
    until_dt,
    joined_dt
FROM stay
WHERE customer_key IS NOT NULL
UNION ALL
SELECT
    party.party,
    party.customer_key,
    party.customer_key,
    CAST(NULL AS TIMESTAMP WITH TIME ZONE),
    CAST(NULL AS TIMESTAMP WITH TIME ZONE),
    party.first_taken_dt
FROM party
LEFT JOIN carrier ON party.party = carrier.party AND party.customer_key = carrier.customer_key
WHERE carrier.party IS NULL
ORDER BY 2, 1, 6
