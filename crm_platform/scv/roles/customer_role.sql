-- scv.customer_role: the roles that a customer has had. Grain: one row per customer and role. Type 1, with dates.
-- Key: customer_key, role.
-- Reads: all_orders, every_order_events, every_permission_events (staged, with customer_source), source_with_steps (sources that
-- tell an order's steps), order_status_rule (role, status, effect), role_lapse (role, months), scv.customer_ref_key, scv.customer_xref,
-- scv.source_record, scv.golden_record.
-- What happened after $as_of is not known.
WITH order_steps AS (
    -- An order is placed at order_dt; where its source tells the steps they say what came of it, else its row does.
    SELECT source, order_id, 'ordered' AS status, order_dt AS step_dt FROM all_orders
    UNION ALL
    SELECT source, order_id, status, event_dt FROM every_order_events
    UNION ALL
    SELECT source, order_id, status, order_dt FROM all_orders
    WHERE source NOT IN (SELECT source_with_steps.source FROM source_with_steps) AND status IS NOT NULL
),

order_role AS (
    SELECT
        order_steps.source,
        order_steps.order_id,
        order_status_rule.role,
        min(CASE WHEN order_status_rule.effect = 'makes' THEN order_steps.step_dt END) AS made_dt,
        max(CASE WHEN order_status_rule.effect = 'makes' THEN order_steps.step_dt END) AS active_dt,
        min(CASE WHEN order_status_rule.effect = 'ends' THEN order_steps.step_dt END) AS ended_dt
    FROM order_steps
    INNER JOIN order_status_rule ON order_steps.status = order_status_rule.status
    WHERE order_steps.step_dt <= $as_of
    GROUP BY order_steps.source, order_steps.order_id, order_status_rule.role
),

customer_order AS (
    SELECT
        customer_ref_key.customer_key,
        order_role.role,
        order_role.made_dt,
        order_role.active_dt,
        order_role.ended_dt
    FROM order_role
    INNER JOIN all_orders ON order_role.source = all_orders.source AND order_role.order_id = all_orders.order_id
    INNER JOIN scv.customer_ref_key
        ON customer_ref_key.customer_ref = concat(
            all_orders.customer_source,
            ':',
            CASE
                WHEN order_role.role = 'payer' THEN coalesce(all_orders.payer_customer_id, all_orders.customer_id)
                ELSE all_orders.customer_id
            END
        )
    WHERE order_role.made_dt IS NOT NULL
),

by_orders AS (
    -- Orders that were ended count no more; where none is left, the role ended with the last of them.
    SELECT
        customer_key,
        role,
        coalesce(min(CASE WHEN ended_dt IS NULL THEN made_dt END), min(made_dt)) AS since_dt,
        coalesce(max(CASE WHEN ended_dt IS NULL THEN active_dt END), max(active_dt)) AS last_active_dt,
        CASE WHEN count(CASE WHEN ended_dt IS NULL THEN 1 END) = 0 THEN max(ended_dt) END AS ended_dt,
        'order' AS made_by,
        'every order cancelled or refunded' AS ended_by
    FROM customer_order
    GROUP BY customer_key, role
),

registered AS (
    SELECT
        customer_xref.customer_key,
        'registered' AS role,
        min(coalesce(source_record.created_dt, source_record.stated_dt)) AS since_dt,
        max(source_record.stated_dt) AS last_active_dt,
        CASE WHEN bool_and(source_record.is_deleted) THEN max(source_record.stated_dt) END AS ended_dt,
        'registration' AS made_by,
        'account deleted' AS ended_by
    FROM scv.source_record
    INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
    WHERE source_record.feed_kind = 'registrations' AND coalesce(source_record.created_dt, source_record.stated_dt) <= $as_of
    GROUP BY customer_xref.customer_key
),

permission_step AS (
    SELECT
        customer_ref_key.customer_key,
        permission.event_type,
        concat_ws('/', permission.communication, permission.channel, permission.brand) AS subscription,
        permission.event_dt,
        permission.event_type IN ('opt_in', 'double_opt_in_confirm') AS is_given,
        permission.event_type IN ('global_opt_out', 'complaint') AS is_for_all
    FROM (
        SELECT DISTINCT event_type, customer_source, customer_id, communication, channel, brand, event_dt, permission_kind
        FROM every_permission_events
        WHERE event_type <> 'double_opt_in_request' AND event_dt <= $as_of
    ) AS permission
    INNER JOIN scv.customer_ref_key
        ON customer_ref_key.customer_ref = concat(permission.customer_source, ':', permission.customer_id)
    WHERE permission.permission_kind = 'subscription' OR permission.event_type IN ('global_opt_out', 'complaint')
),

withdrawn_from_all AS (
    SELECT customer_key, max(event_dt) AS withdrawn_dt FROM permission_step WHERE is_for_all GROUP BY customer_key
),

subscription AS (
    SELECT
        permission_step.customer_key,
        permission_step.subscription,
        min(CASE WHEN is_given THEN event_dt END) AS since_dt,
        max(CASE WHEN is_given THEN event_dt END) AS given_dt,
        max(CASE WHEN NOT is_given THEN event_dt END) AS withdrawn_dt
    FROM permission_step
    WHERE NOT is_for_all
    GROUP BY permission_step.customer_key, permission_step.subscription
),

open_subscription AS (
    -- Given and withdrawn at one moment counts as withdrawn.
    SELECT
        subscription.customer_key,
        subscription.since_dt,
        subscription.given_dt,
        least(
            CASE WHEN subscription.withdrawn_dt >= subscription.given_dt THEN subscription.withdrawn_dt END,
            CASE WHEN withdrawn_from_all.withdrawn_dt >= subscription.given_dt THEN withdrawn_from_all.withdrawn_dt END
        ) AS ended_dt
    FROM subscription
    LEFT JOIN withdrawn_from_all ON subscription.customer_key = withdrawn_from_all.customer_key
    WHERE subscription.given_dt IS NOT NULL
),

subscriber AS (
    SELECT
        customer_key,
        'subscriber' AS role,
        min(since_dt) AS since_dt,
        max(given_dt) AS last_active_dt,
        CASE WHEN count(CASE WHEN ended_dt IS NULL THEN 1 END) = 0 THEN max(ended_dt) END AS ended_dt,
        'subscription' AS made_by,
        'every subscription ended' AS ended_by
    FROM open_subscription
    GROUP BY customer_key
),

prospect AS (
    -- Whoever a lead is about, and whoever is known and has not bought.
    SELECT
        customer_xref.customer_key,
        'prospect' AS role,
        min(coalesce(source_record.created_dt, source_record.stated_dt)) AS since_dt,
        max(source_record.stated_dt) AS last_active_dt,
        CASE WHEN $ends_with_purchase THEN min(by_orders.since_dt) END AS ended_dt,
        CASE WHEN bool_or(source_record.feed_kind = 'leads') THEN 'lead' ELSE 'known, has not bought' END AS made_by,
        'first purchase' AS ended_by
    FROM scv.source_record
    INNER JOIN scv.customer_xref ON source_record.record_id = customer_xref.record_id
    LEFT JOIN by_orders ON customer_xref.customer_key = by_orders.customer_key AND by_orders.role = 'purchaser'
    WHERE source_record.stated_dt <= $as_of AND NOT source_record.is_deleted
    GROUP BY customer_xref.customer_key
    HAVING bool_or(source_record.feed_kind = 'leads') OR min(by_orders.since_dt) IS NULL
),

roles AS (
    SELECT * FROM by_orders
    UNION ALL
    SELECT * FROM registered
    UNION ALL
    SELECT * FROM subscriber
    UNION ALL
    SELECT * FROM prospect
),

with_ends AS (
    -- A role ends by its own rule, by silence, or because every source has deleted the customer.
    SELECT
        roles.*,
        CASE
            WHEN roles.last_active_dt + to_months(role_lapse.months) <= $as_of
                THEN roles.last_active_dt + to_months(role_lapse.months)
        END AS lapsed_dt,
        CASE WHEN golden_record.is_deleted THEN greatest(golden_record.last_seen_dt, roles.since_dt) END AS deleted_dt
    FROM roles
    INNER JOIN scv.golden_record ON roles.customer_key = golden_record.customer_key
    LEFT JOIN role_lapse ON roles.role = role_lapse.role
),

with_end AS (
    SELECT *, least(ended_dt, lapsed_dt, deleted_dt) AS until_dt FROM with_ends
)

SELECT
    customer_key,
    role,
    since_dt,
    last_active_dt,
    CASE WHEN until_dt < since_dt THEN since_dt ELSE until_dt END AS until_dt,
    until_dt IS NULL AS is_active,
    CASE
        WHEN until_dt IS NULL THEN made_by
        WHEN until_dt = ended_dt THEN ended_by
        WHEN until_dt = lapsed_dt THEN 'lapsed'
        ELSE 'customer deleted'
    END AS reason
FROM with_end
ORDER BY customer_key, role
