-- redemption: the points that were to be spent up to $as_of, and what speaks against it before the balance is asked. Grain: one row per redemption.
-- No table: a step of the ledger. Key: source, redemption_id. Reads: known_loyalty_redemptions, scv.customer_ref_key, member, scheme.
SELECT
    known_loyalty_redemptions.source,
    known_loyalty_redemptions.redemption_id,
    known_loyalty_redemptions.order_id,
    customer_ref_key.customer_key,
    CASE
        WHEN customer_ref_key.customer_key IS NULL THEN 'unknown_customer'
        WHEN member.customer_key IS NULL THEN 'takes_no_part'
        WHEN scheme.scheme_number IS NULL THEN 'no_scheme'
        WHEN known_loyalty_redemptions.points < scheme.smallest_points THEN 'below_smallest'
        WHEN known_loyalty_redemptions.points % scheme.step_points <> 0 THEN 'not_in_steps'
    END AS reason,
    known_loyalty_redemptions.points,
    known_loyalty_redemptions.redeemed_dt,
    known_loyalty_redemptions.loaded_dt
FROM known_loyalty_redemptions
LEFT JOIN scv.customer_ref_key
    ON customer_ref_key.customer_ref
    = concat(known_loyalty_redemptions.customer_source, ':', known_loyalty_redemptions.customer_id)
LEFT JOIN member ON customer_ref_key.customer_key = member.customer_key
LEFT JOIN scheme
    ON known_loyalty_redemptions.redeemed_dt >= scheme.from_dt AND known_loyalty_redemptions.redeemed_dt < scheme.until_dt
WHERE known_loyalty_redemptions.redeemed_dt <= $as_of
