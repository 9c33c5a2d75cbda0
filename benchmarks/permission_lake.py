"""A lake of made-up customers and their consents, as large as a benchmark wants: what the permission decision reads.

Here: the tables as SQL. Not here: what is measured on them (`permission.py`).
"""

from pathlib import Path

import duckdb

COMMUNICATIONS = {
    "weekly": "subscription",
    "sessions": "subscription",
    "escapes": "subscription",
    "alert": "subscription",
    "offers_a": "promotional",
    "offers_b": "promotional",
    "offers_c": "promotional",
    "partner": "third_party",
    "life": "marketing",
    "notices": "transactional",
}
"""Code to type; those of type subscription are subscribed to."""
CHANNELS = ("email", "sms", "post", "telephone")

_TABLES = {
    "scv.golden_record": """
        SELECT
            range + 1 AS customer_key, ['uk', 'us', 'italy', 'nordic'][1 + range % 4] AS locale,
            concat('person', range, '@example.org') AS email
        FROM range({customers})""",
    "scv.customer_role": """
        SELECT
            range + 1 AS customer_key, 'purchaser' AS role, TIMESTAMPTZ '2024-01-01' AS since_dt,
            CAST(NULL AS TIMESTAMPTZ) AS until_dt
        FROM range({customers}) WHERE range % 2 = 0""",
    "scv.customer_redirect": "SELECT 0 AS customer_key, 0 AS surviving_customer_key WHERE FALSE",
    "scv.customer_ref_key": """
        SELECT concat('a:', range + 1) AS customer_ref, range + 1 AS customer_key FROM range({customers})""",
    "permission.consent_party": """
        SELECT
            concat(['a', 'b'][number], ':', customer_key) AS party, customer_key, customer_key AS current_customer_key,
            CAST(NULL AS TIMESTAMPTZ) AS from_dt, CAST(NULL AS TIMESTAMPTZ) AS until_dt,
            TIMESTAMPTZ '2025-01-01' AS joined_dt
        FROM (SELECT range + 1 AS customer_key FROM range({customers}))
        CROSS JOIN (VALUES (1), (2)) AS parties (number)
        WHERE number = 1 OR customer_key % 3 = 0 ORDER BY customer_key, party""",
    "permission.suppression": """
        SELECT
            md5(CAST(range AS VARCHAR)) AS suppression_id, range + 1 AS customer_key, 'invalid_address' AS reason,
            'email' AS channel, FALSE AS is_ended_by_consent, TIMESTAMPTZ '2026-01-01' AS since_dt,
            TIMESTAMPTZ '2026-01-01' AS known_dt, TIMESTAMPTZ '2026-01-01' AS taken_dt
        FROM range({customers}) WHERE range % 25 = 0""",
    "permission.consent_event": """
        WITH drawn AS (
            SELECT
                customer.range + 1 AS customer_key, event.range AS number,
                CAST(hash(customer.range, event.range) >> 2 AS BIGINT) AS chance
            FROM range({customers}) AS customer CROSS JOIN range(5) AS event
        ), told AS (
            SELECT
                concat('web:', customer_key, '-', number) AS event_id, customer_key,
                concat(CASE WHEN customer_key % 3 = 0 AND chance % 2 = 0 THEN 'b' ELSE 'a' END, ':', customer_key)
                    AS party,
                CASE
                    WHEN chance % 100 < 70 THEN 'opt_in' WHEN chance % 100 < 99 THEN 'opt_out' ELSE 'global_opt_out'
                END AS event_type,
                ['email', 'sms', 'post', 'telephone'][1 + (chance // 100) % 4] AS channel,
                ['weekly', 'sessions', 'escapes', 'alert', '*', '*', '*', '*'][1 + (chance // 400) % 8]
                    AS communication,
                ['promotional', 'third_party', 'marketing', 'promotional'][1 + (chance // 400) % 4] AS type,
                TIMESTAMPTZ '2024-06-01' + to_hours(CAST((chance // 3200) % 17000 AS INTEGER)) AS effective_dt,
                (chance // 54400000) % 4 = 0 AS is_limited
            FROM drawn
        )
        SELECT
            event_id, customer_key, party, event_type,
            CASE WHEN event_type = 'opt_in' THEN 'grant' ELSE 'withdrawal' END AS effect,
            CASE
                WHEN event_type = 'global_opt_out' THEN '*/*/*/*/*/*'
                WHEN communication = '*' THEN concat('general/*/', type, '/', channel, '/brand/*')
                ELSE concat('subscription/', communication, '/*/', channel, '/brand/*')
            END AS scope,
            effective_dt,
            epoch_us(effective_dt) * 8 + CASE event_type WHEN 'opt_in' THEN 1 WHEN 'opt_out' THEN 5 ELSE 7 END
                AS event_order,
            effective_dt AS event_dt, effective_dt AS known_dt, effective_dt AS taken_dt,
            CASE WHEN is_limited AND event_type = 'opt_in' THEN effective_dt + INTERVAL 365 DAY END AS expires_dt
        FROM told ORDER BY customer_key, effective_dt, event_id""",
}


def write_lake(root: Path, customers: int) -> None:
    """The tables of so many customers with five events each, a third of the customers with two parties."""
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, query in {**_TABLES, "sources.dim_communication": _communications()}.items():
            file = root / table.replace(".", "/") / "data.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            text = query.replace("{customers}", str(customers))
            connection.execute(f"COPY ({text}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)").fetchall()


def _communications() -> str:
    rows = ", ".join(f"({number}, '{code}', '{kind}')" for number, (code, kind) in enumerate(COMMUNICATIONS.items(), 1))
    return f"""
        SELECT
            key AS communication_key, code AS communication_code, code AS communication_name,
            CASE WHEN type = 'subscription' THEN type ELSE 'general' END AS communication_kind,
            type AS communication_type,
            'brand' AS brand_code, '{",".join(CHANNELS)}' AS channel_codes, 1 AS is_current
        FROM (VALUES {rows}) AS communication (key, code, type)"""
