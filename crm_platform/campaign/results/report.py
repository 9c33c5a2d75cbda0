"""What people look at first: the stage's tables in figures, as small frames for the Dagster UI. Nothing personal.

Here: those queries. Not here: their pictures (`assets/campaign.py`) and the tables themselves.
"""

import polars as pl

from crm_platform.warehouse.engine import Engine

_FUNNEL = """
SELECT
    count(*) AS selected,
    count(*) FILTER (WHERE delivery_status_key < 3) AS sent,
    count(*) FILTER (WHERE delivery_status_key = 1) AS delivered,
    count(*) FILTER (WHERE open_status = 1) AS opened,
    count(*) FILTER (WHERE number_of_clicks > 0) AS clicked,
    count(*) FILTER (WHERE open_status > 0 OR number_of_machine_opens > 0) AS opened_with_machines,
    count(*) FILTER (WHERE number_of_clicks + number_of_machine_clicks > 0) AS clicked_with_machines
FROM campaign.fact_campaign_delivery
"""
_STATUSES = """
SELECT status.delivery_status, fact.status_basis, count(*) AS members
FROM campaign.fact_campaign_delivery AS fact
JOIN campaign.dim_delivery_status AS status USING (delivery_status_key)
GROUP BY ALL ORDER BY ALL
"""
_EVENTS = "SELECT event_type, actor_class, count(*) AS events FROM campaign.event GROUP BY ALL ORDER BY ALL"
_REJECTED = """
SELECT reason, CAST(sum(number_of_events) AS BIGINT) AS events FROM campaign.rejected_event GROUP BY ALL ORDER BY ALL
"""
_OBJECTIONS = """
SELECT event_type, request_method, campaign_id IS NOT NULL AS of_a_campaign, count(*) AS objections
FROM campaign.objection GROUP BY ALL ORDER BY ALL
"""
_SCORES = """
SELECT CAST(floor(highest) AS VARCHAR) AS score, count(*) AS addresses
FROM (SELECT recipient, max(score) AS highest FROM campaign.bounce_score GROUP BY recipient) AS address
GROUP BY floor(highest) ORDER BY floor(highest)
"""
_MAILS = "SELECT kind, reason, count(*) AS reports FROM campaign.mail_report GROUP BY ALL ORDER BY ALL"
_ORDERS = """
SELECT
    evidence, line_type, is_disputed, count(DISTINCT concat(source, '/', order_id)) AS orders,
    sum(company_amount) AS amount
FROM campaign.fact_campaign_order
GROUP BY ALL ORDER BY ALL
"""
_CAMPAIGNS = """
SELECT
    campaign_id,
    sum(number_sent) AS sent,
    100.0 * sum(number_delivered) / sum(number_sent) AS delivery_pct,
    100.0 * sum(number_failed) / sum(number_sent) AS bounce_pct,
    100.0 * sum(number_opened) / nullif(sum(number_delivered), 0) AS open_pct,
    100.0 * sum(number_opened_raw) / nullif(sum(number_delivered), 0) AS open_raw_pct,
    100.0 * sum(number_clicked) / nullif(sum(number_delivered), 0) AS click_through_pct,
    100.0 * sum(number_clicked_raw) / nullif(sum(number_delivered), 0) AS click_through_raw_pct,
    sum(number_of_orders) AS orders,
    sum(revenue_amount) AS revenue,
    sum(cost_amount) AS cost
FROM campaign.campaign_results
GROUP BY campaign_id
HAVING sum(number_sent) > 0
ORDER BY campaign_id
"""
_LIFTS = """
SELECT
    campaign_id, outcome, number_treated, number_control, round(lift, 4) AS lift, round(lift_low, 4) AS low,
    round(lift_high, 4) AS high
FROM campaign.campaign_lift
WHERE control_level = 'all'
ORDER BY ALL
"""
_PURCHASES = """
SELECT campaign_id, 100.0 * lift, 100.0 * lift_low, 100.0 * lift_high
FROM campaign.campaign_lift
WHERE control_level = 'all' AND outcome = 'purchase' AND lift_low IS NOT NULL
ORDER BY campaign_id
"""
_SKEWED = """
SELECT campaign_id, control_level, number_treated, number_control, treated_mean, control_mean, p_value
FROM campaign.campaign_lift
WHERE outcome = 'purchase_before' AND p_value < $limit
    -- Of fewer than five buyers to be expected, the normal distribution says nothing.
    AND number_control * (treated_mean * number_treated + control_mean * number_control)
    / (number_treated + number_control) >= 5
ORDER BY p_value
"""
_PROVIDERS = """
SELECT mailbox_provider, CAST(sum(number_failed) AS BIGINT) AS failed
FROM campaign.deliverability
GROUP BY ALL ORDER BY ALL
"""


def mails_by_kind(engine: Engine) -> pl.DataFrame:
    """kind, reason, reports."""
    return engine.query(_MAILS)


def events_by_type(engine: Engine) -> pl.DataFrame:
    """event_type, actor_class, events."""
    return engine.query(_EVENTS)


def rejected_by_reason(engine: Engine) -> pl.DataFrame:
    """reason, events."""
    return engine.query(_REJECTED)


def objections_by_type(engine: Engine) -> pl.DataFrame:
    """event_type, request_method, whether the campaign is known, objections."""
    return engine.query(_OBJECTIONS)


def addresses_by_score(engine: Engine) -> list[tuple[str, int]]:
    """How many addresses once had a score of so many points, rounded down."""
    return engine.query(_SCORES).rows()


def funnel(engine: Engine) -> dict[str, int]:
    """From selected to clicked, by people; and what it would be with machines."""
    return engine.query(_FUNNEL).row(0, named=True)


def deliveries_by_status(engine: Engine) -> pl.DataFrame:
    """delivery_status, status_basis, members."""
    return engine.query(_STATUSES)


def orders_by_evidence(engine: Engine) -> pl.DataFrame:
    """evidence, line_type, is_disputed, orders, amount in the company's currency."""
    return engine.query(_ORDERS)


def results_by_campaign(engine: Engine) -> pl.DataFrame:
    """Rates in percent, raw beside filtered, orders, revenue and cost of each campaign."""
    return engine.query(_CAMPAIGNS).with_columns(pl.selectors.float().round(1))


def lift_by_campaign(engine: Engine) -> pl.DataFrame:
    """The lift of each outcome over all control groups together, with its interval."""
    return engine.query(_LIFTS)


def lift_of_purchases(engine: Engine) -> list[tuple[str, float, float, float]]:
    """Each campaign's lift of the share of buyers and the ends of its interval, in percent points."""
    return engine.query(_PURCHASES).rows()


def skewed_draws(engine: Engine, below: float) -> pl.DataFrame:
    """Control groups whose members had bought more or less before than chance explains."""
    return engine.query(_SKEWED, {"limit": below})


def failures_by_provider(engine: Engine) -> list[tuple[str, int]]:
    """Mails that failed, by mailbox provider."""
    return engine.query(_PROVIDERS).rows()
