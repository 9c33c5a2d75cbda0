-- loyalty.refused_redemption: redemptions that the scheme does not allow. Grain: one row per redemption that was refused. Key: source, redemption_id.
-- Reads: redemption, beyond_balance (source, redemption_id, balance_points).
SELECT
    redemption.source,
    redemption.redemption_id,
    redemption.customer_key,
    coalesce(redemption.reason, 'beyond_balance') AS reason,
    redemption.points,
    beyond_balance.balance_points,
    redemption.redeemed_dt,
    redemption.loaded_dt
FROM redemption
LEFT JOIN beyond_balance
    ON redemption.source = beyond_balance.source AND redemption.redemption_id = beyond_balance.redemption_id
WHERE redemption.reason IS NOT NULL OR beyond_balance.redemption_id IS NOT NULL
ORDER BY redemption.source, redemption.redemption_id
