-- rates: what share of the messages met which fate, in percent. Not a table of its own: it completes the marts of results.
-- Grain and key: those of counted.
-- Reads: counted, a mart without its rates.
SELECT
    counted.*,
    100.0 * counted.number_delivered / nullif(counted.number_sent, 0) AS delivery_pct,
    100.0 * counted.number_failed / nullif(counted.number_sent, 0) AS bounce_pct,
    100.0 * counted.number_hard_bounced / nullif(counted.number_sent, 0) AS hard_bounce_pct,
    100.0 * counted.number_soft_bounced / nullif(counted.number_sent, 0) AS soft_bounce_pct,
    100.0 * counted.number_complained / nullif(counted.number_delivered, 0) AS complaint_pct,
    100.0 * counted.number_unsubscribed / nullif(counted.number_delivered, 0) AS unsubscribe_pct,
    100.0 * counted.number_opened / nullif(counted.number_delivered, 0) AS open_pct,
    100.0 * counted.number_opened_raw / nullif(counted.number_delivered, 0) AS open_raw_pct,
    100.0 * counted.number_clicked / nullif(counted.number_delivered, 0) AS click_through_pct,
    100.0 * counted.number_clicked_raw / nullif(counted.number_delivered, 0) AS click_through_raw_pct,
    100.0 * counted.number_clicked / nullif(counted.number_opened, 0) AS click_to_open_pct
FROM counted
