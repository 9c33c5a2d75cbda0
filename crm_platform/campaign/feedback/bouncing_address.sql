-- bouncing_address: customers whose address bounced again and again, as permission reads suppressions. A query of another stage's build, not
-- a table. Grain: one row per bounce with a score over the threshold, customer, and span for which the address was the customer's.
-- Key: named. It ends when the address is shown to be alive, when the customer has another one, or by itself.
-- Reads: campaign.bounce_score, scv.dim_customer_history.
WITH bouncing AS (
    SELECT DISTINCT history.customer_key
    FROM scv.dim_customer_history AS history
    WHERE lower(history.email) IN (
        SELECT bounce_score.recipient FROM campaign.bounce_score WHERE bounce_score.suppressed_until_dt IS NOT NULL
    )
),
version AS (
    SELECT
        customer_key,
        valid_from_dt,
        lower(email) AS email,
        row_number() OVER (PARTITION BY customer_key ORDER BY valid_from_dt) AS place,
        lag(lower(email)) OVER (PARTITION BY customer_key ORDER BY valid_from_dt) AS email_before
    FROM scv.dim_customer_history
    WHERE customer_key IN (SELECT bouncing.customer_key FROM bouncing)
),
holder AS (
    SELECT
        customer_key, email, valid_from_dt AS from_dt,
        lead(valid_from_dt) OVER (PARTITION BY customer_key ORDER BY valid_from_dt) AS until_dt
    FROM version
    WHERE place = 1 OR email IS DISTINCT FROM email_before
),
held AS (
    SELECT
        holder.customer_key,
        holder.until_dt,
        holder.from_dt,
        bounce_score.evidence_id,
        bounce_score.revived_dt,
        bounce_score.suppressed_until_dt,
        greatest(bounce_score.event_dt, holder.from_dt) AS since_dt,
        greatest(bounce_score.known_dt, holder.from_dt) AS known_dt,
        greatest(bounce_score.taken_dt, holder.from_dt) AS taken_dt,
        least(
            coalesce(bounce_score.revived_dt, bounce_score.suppressed_until_dt), coalesce(holder.until_dt, bounce_score.suppressed_until_dt)
        ) AS ended_dt
    FROM campaign.bounce_score
    INNER JOIN holder ON holder.email = bounce_score.recipient
    WHERE bounce_score.suppressed_until_dt IS NOT NULL
)
SELECT
    concat('bounces/', evidence_id, '/', customer_key, '/', epoch_us(from_dt)) AS named,
    customer_key,
    CAST(NULL AS VARCHAR) AS party,
    'invalid_address' AS reason,
    'email' AS channel,
    FALSE AS is_ended_by_consent,
    'campaign.bounce_score' AS source,
    evidence_id,
    since_dt,
    known_dt,
    taken_dt,
    suppressed_until_dt AS expires_dt,
    CASE WHEN ended_dt < suppressed_until_dt THEN ended_dt END AS lifted_dt,
    CASE
        WHEN ended_dt >= suppressed_until_dt THEN NULL
        WHEN ended_dt = revived_dt THEN 'the address is alive'
        ELSE 'a new address'
    END AS lifted_by
FROM held
WHERE since_dt < least(ended_dt, suppressed_until_dt)
