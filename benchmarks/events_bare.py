"""The bare engine's way from a file of `benchmarks.events` to the same staged rows and the same events, in plain SQL.

It is the least that the work takes: it reads one layout of one log and the events of one provider, knows the two
answers that the files hold, trusts every line, and keeps neither quarantine nor what was there before. The staged rows
and the events are those of the platform in the same columns, so that they can be compared (COMPARED). Not here:
what is measured with it (`events.py`).
"""

import ipaddress
from pathlib import Path

import duckdb

from crm_platform.campaign.actors.agents import known_agents
from crm_platform.campaign.actors.networks import known_networks
from crm_platform.campaign.actors.settings import ActorSettings
from crm_platform.campaign.events.contracts import EVENT
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.warehouse.engine import literal

COMPARED = ("event_id", "event_type", "recipient", "member_id", "cell_id", "reason", "actor_class", "ip_hash")
"""Columns that hold what the steps find: digest, member, reason, actor, keyed hash."""
_WRITTEN = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
_BLOCK_BYTES = 64
_LOG_COLUMNS = {
    "ip_address": "VARCHAR", "ident": "VARCHAR", "who": "VARCHAR", "moment": "VARCHAR", "zone": "VARCHAR",
    "request": "VARCHAR", "status": "BIGINT", "bytes_sent": "VARCHAR", "referrer": "VARCHAR", "user_agent": "VARCHAR",
}  # fmt: skip
_TOLD = "2026-05-10 00:00:00+00"
_LINEAGE = f"repeat('0', 64) AS file_id, '' AS file_part, TIMESTAMPTZ '{_TOLD}' AS loaded_dt"

_HITS = """
    CREATE TEMP TABLE said AS
    SELECT row_number() OVER () AS file_line, ip_address, nullif(who, '-') AS remote_user,
        strptime(concat(substr(moment, 2), ' ', rtrim(zone, ']')), '%d/%b/%Y:%H:%M:%S %z') AS event_dt,
        split_part(request, ' ', 1) AS method, split_part(request, ' ', 2) AS url,
        split_part(request, ' ', 3) AS protocol,
        regexp_extract(request, '[?&]c=([^&# ]*)', 1) AS member_token,
        regexp_extract(request, '[?&]m=([^&# ]*)', 1) AS campaign_token,
        CASE WHEN request LIKE '%/r?%' THEN regexp_extract(request, '[?&]l=([^&# ]*)', 1) END AS link_token,
        status, TRY_CAST(bytes_sent AS BIGINT) AS bytes_sent,
        nullif(referrer, '-') AS referrer, user_agent, NULL::VARCHAR AS visitor_id, NULL::VARCHAR AS login,
        NULL::VARCHAR AS request_id, NULL::VARCHAR AS forwarded_for
    FROM read_csv('{path}', delim = ' ', quote = '"', escape = '\\', header = false, auto_detect = false,
        columns = {columns})"""
_STAGED_HITS = """
    CREATE TEMP TABLE staged AS
    WITH hashed AS (SELECT *, md5(concat_ws(chr(31), {values})) AS content_hash FROM said),
    turn AS (
        SELECT file_line, row_number() OVER (PARTITION BY content_hash ORDER BY file_line) AS turn FROM hashed
        SEMI JOIN (SELECT content_hash FROM hashed GROUP BY ALL HAVING count(*) > 1) USING (content_hash))
    SELECT * EXCLUDE (turn) REPLACE (md5(concat_ws(chr(31), content_hash, coalesce(turn, 1))) AS content_hash)
    FROM hashed LEFT JOIN turn USING (file_line)"""
_HIT_EVENTS = """
    CREATE TEMP TABLE token AS
    SELECT purpose, token, CASE WHEN tag = left({tag}, 24) THEN decode(unhex(content)) END AS identifier
    FROM (
        SELECT *, hex(CAST(xor(CAST(unhex(body) AS BIT), CAST(unhex(left({stream}, length(body))) AS BIT)) AS BLOB))
            AS content
        FROM (
            SELECT DISTINCT purpose, token, split_part(token, '.', 2) AS body, split_part(token, '.', 3) AS tag
            FROM (
                SELECT DISTINCT 'member' AS purpose, member_token AS token FROM said
                UNION ALL SELECT DISTINCT 'campaign', campaign_token FROM said
                UNION ALL SELECT DISTINCT 'link', link_token FROM said WHERE link_token IS NOT NULL)));
    CREATE TEMP TABLE address AS
    SELECT ip_address, left({hashed}, 24) AS ip_hash FROM (SELECT DISTINCT ip_address FROM said);
    CREATE TEMP TABLE told AS
    SELECT left(sha256('web_log' || chr(31) || 'mail' || chr(31) || content_hash), 32) AS event_id,
        CASE WHEN url LIKE '/r?%' THEN 'clicked' ELSE 'opened' END AS event_type, 'web_log' AS provider,
        method AS provider_type, CAST(NULL AS VARCHAR) AS recipient, CAST(NULL AS VARCHAR) AS original_message_id,
        campaign.identifier AS campaign_id, member.identifier AS member_id,
        split_part(link.identifier, '/', 2) AS link_id,
        CAST(NULL AS VARCHAR) AS bounce_kind, CAST(NULL AS VARCHAR) AS reason, FALSE AS address_invalid,
        CAST(NULL AS VARCHAR) AS status, CAST(NULL AS VARCHAR) AS rule, CAST(NULL AS VARCHAR) AS evidence, method,
        user_agent, staged.ip_address, ip_hash, event_dt, content_hash, file_line
    FROM staged
    JOIN address USING (ip_address)
    JOIN token AS member ON member.purpose = 'member' AND member.token = member_token
    JOIN token AS campaign ON campaign.purpose = 'campaign'
        AND campaign.token = campaign_token
    LEFT JOIN token AS link ON link.purpose = 'link' AND link.token = link_token
    WHERE member.identifier IS NOT NULL AND method IN ('GET', 'HEAD')"""

_EVENTS = """
    CREATE TEMP TABLE said AS
    SELECT file_line, 'sendgrid' AS provider, event, to_timestamp(CAST(found[2] AS BIGINT)) AS event_dt,
        CAST(NULL AS TIMESTAMPTZ) AS received_dt, found
    FROM (
        SELECT row_number() OVER () AS file_line, event, json_extract_string(event, ['$.email', '$.timestamp',
            '$.event', '$."smtp-id"', '$.category[0]', '$.ip', '$.useragent', '$.type', '$.status', '$.reason',
            '$.url']) AS found
        FROM read_csv('{path}', delim = chr(1), quote = '', escape = '', header = false, auto_detect = false,
            columns = {{'event': 'VARCHAR'}}))"""
_STAGED_EVENTS = """
    CREATE TEMP TABLE staged AS
    WITH hashed AS (SELECT *, md5(concat_ws(chr(31), {values})) AS content_hash FROM said)
    SELECT * FROM hashed
    SEMI JOIN (SELECT min(file_line) AS file_line FROM hashed GROUP BY content_hash) USING (file_line)"""
_PROVIDER_EVENTS = """
    CREATE TEMP TABLE address AS
    SELECT ip_address, left({hashed}, 24) AS ip_hash FROM (SELECT DISTINCT found[6] AS ip_address FROM staged);
    CREATE TEMP TABLE told AS
    SELECT left(sha256(concat_ws(chr(31), 'sendgrid', strftime(event_dt, '%Y-%m-%d'), '0', trim(found[4], '<> '),
            found[3], lower(found[1]), strftime(event_dt, '%Y-%m-%dT%H:%M:%S.%f+00:00'), coalesce(found[11], chr(30)),
            coalesce(found[10], chr(30)))), 32) AS event_id,
        CASE found[3] WHEN 'open' THEN 'opened' WHEN 'click' THEN 'clicked' WHEN 'bounce' THEN 'bounced'
            ELSE found[3] END AS event_type, 'sendgrid' AS provider, found[3] AS provider_type,
        lower(found[1]) AS recipient, trim(found[4], '<> ') AS original_message_id, found[5] AS campaign_id,
        CAST(NULL AS VARCHAR) AS member_id, CAST(NULL AS VARCHAR) AS link_id,
        CASE WHEN found[3] = 'bounce' THEN 'hard' END AS bounce_kind,
        CASE WHEN found[10] LIKE '%User unknown%' THEN 'userunknown' END AS reason,
        coalesce(found[10] LIKE '%User unknown%', FALSE) AS address_invalid, found[9] AS status,
        CASE WHEN found[3] = 'bounce' THEN 'unknown_user_twice_said' END AS rule, found[10] AS evidence,
        CAST(NULL AS VARCHAR) AS method, found[7] AS user_agent, found[6] AS ip_address, ip_hash, event_dt,
        content_hash, file_line
    FROM staged JOIN address ON ip_address = found[6]"""
_PLACED = """
    CREATE TEMP TABLE again AS
    SELECT file_line FROM (
        SELECT event_id, file_line, min(file_line) OVER (PARTITION BY event_id) AS first_line
        FROM told SEMI JOIN (SELECT event_id FROM told GROUP BY ALL HAVING count(*) > 1) USING (event_id))
    WHERE file_line > first_line;
    CREATE TEMP TABLE placed AS
    SELECT told.* EXCLUDE (recipient, campaign_id, member_id), member.campaign_id, member.member_id, member.cell_id,
        'mail:' || member.customer_id AS customer_ref, coalesce(told.recipient, lower(member.email)) AS recipient,
        CAST(member.sent_dt AS TIMESTAMPTZ) AS sent_dt
    FROM told ANTI JOIN again USING (file_line)
    LEFT JOIN read_csv('{members}', all_varchar = true) AS member ON {by}"""
_VERDICTS = """
    CREATE TEMP TABLE agent AS
    SELECT user_agent, CASE {agents} END AS agent_class FROM (SELECT DISTINCT user_agent FROM placed);
    CREATE TEMP TABLE network AS
    SELECT ip_address, max(network) AS network
    FROM (SELECT ip_address, list_sum(list_transform(string_split(ip_address, '.'),
        lambda part, place: CAST(part AS BIGINT) * (256 ** (4 - place)))) AS number
        FROM (SELECT DISTINCT ip_address FROM placed))
    JOIN (VALUES {networks}) AS known (first, last, network) ON number BETWEEN first AND last
    GROUP BY ip_address;
    CREATE TEMP TABLE verdict AS
    WITH response AS (
        SELECT event_id, campaign_id, member_id, link_id, event_dt, user_agent, sent_dt, event_dt > lag(event_dt) OVER (
            PARTITION BY campaign_id, member_id ORDER BY event_dt) + INTERVAL 10 SECONDS AS begins
        FROM placed WHERE event_type IN ('opened', 'clicked')),
    burst AS (
        SELECT *, count_if(coalesce(begins, FALSE)) OVER (
            PARTITION BY campaign_id, member_id ORDER BY event_dt) AS burst
        FROM response),
    links AS (
        SELECT campaign_id, member_id, burst, count(DISTINCT link_id) AS links FROM burst GROUP BY ALL),
    delivered AS (
        SELECT campaign_id, member_id, CAST(event_dt AS DATE) AS day, min(event_dt) AS delivered_dt FROM placed
        WHERE event_type = 'delivered' GROUP BY ALL)
    SELECT event_id, CASE WHEN agent_class IS NOT NULL THEN agent_class WHEN links >= 3 THEN 'machine'
            WHEN epoch(event_dt) - epoch(coalesce(delivered_dt, sent_dt)) BETWEEN {before} AND {after} THEN 'machine'
            ELSE 'human' END AS actor_class
    FROM burst JOIN links USING (campaign_id, member_id, burst)
    LEFT JOIN delivered ON delivered.campaign_id = burst.campaign_id AND delivered.member_id = burst.member_id
        AND delivered.day = CAST(burst.event_dt AS DATE)
    JOIN agent USING (user_agent);
    CREATE TEMP TABLE event AS
    SELECT {columns} FROM (
        SELECT placed.*, 'email' AS channel, 'mail' AS source, CAST(NULL AS VARCHAR) AS url, actor_class,
            CAST(NULL AS VARCHAR) AS actor_rule, CAST(NULL AS VARCHAR) AS actor_evidence, FALSE AS is_proxy, network,
            TIMESTAMPTZ '{told}' AS received_dt, {lineage}
        FROM placed LEFT JOIN verdict USING (event_id) LEFT JOIN network USING (ip_address))"""
_HIT_VALUES = (
    "ip_address", "remote_user", "event_dt", "method", "url", "protocol", "status", "bytes_sent", "referrer",
    "user_agent", "visitor_id", "login", "request_id", "forwarded_for",
)  # fmt: skip
_EVENT_VALUES = ("provider", "event", "event_dt", "received_dt")


def bare_events(path: Path, members: Path, keyring: Keyring, folder: Path, threads: int) -> Path:
    """Write the staged rows and the events of a file, a Parquet file each, into an empty folder; gives the events'."""
    is_log = path.suffix == ".log"
    values = _HIT_VALUES if is_log else _EVENT_VALUES
    key = keyring.keys[keyring.signing_id]
    parts = {
        "path": path, "members": members, "columns": _LOG_COLUMNS, "told": _TOLD, "lineage": _LINEAGE,
        "values": ", ".join(f"coalesce(CAST({name} AS VARCHAR), chr(30))" for name in values),
        "tag": _mac(key, "encode(purpose) || '\\x00'::BLOB || unhex(content)"),
        "stream": _mac(key, "'stream\\x00'::BLOB || unhex(tag) || '\\x00'::BLOB"),
        "hashed": _mac(key, "'address\\x00'::BLOB || encode(ip_address)"),
        "by": "member.campaign_id = told.campaign_id AND member.member_id = told.member_id" if is_log
        else "member.message_id = told.original_message_id",
    }  # fmt: skip
    steps = [_HITS, _STAGED_HITS, _HIT_EVENTS] if is_log else [_EVENTS, _STAGED_EVENTS, _PROVIDER_EVENTS]
    staged, events = folder / "staged.parquet", folder / "events.parquet"
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for step in (*steps, _PLACED):
            connection.execute(step.format(**parts))
        names = ", ".join((*values, "file_line", "content_hash", _LINEAGE, f"TIMESTAMPTZ '{_TOLD}' AS file_dt"))
        connection.execute(f"COPY (SELECT {names} FROM staged ORDER BY file_line) TO '{staged}' {_WRITTEN}")
        connection.execute(_VERDICTS.format(**{**parts, **_signs(), "columns": ", ".join(EVENT.column_names)}))
        connection.execute(f"COPY (SELECT * FROM event ORDER BY event_dt, event_id) TO '{events}' {_WRITTEN}")
    return events


def _signs() -> dict[str, object]:
    """The platform's own lists of agents and networks, and its seconds, as SQL."""
    settings = ActorSettings()
    agents = [
        f"WHEN regexp_matches(lower(user_agent), {literal(each.agent)}) THEN '{each.acts}'" for each in known_agents()
    ]
    ranges = [
        (int(network.network_address), int(network.broadcast_address), each.name)
        for each in known_networks()
        for network in map(ipaddress.ip_network, each.ranges)
        if network.version == 4
    ]
    return {
        "agents": " ".join(agents),
        "networks": ", ".join(map(str, ranges)),
        "before": -settings.seconds_before,
        "after": settings.seconds_after,
    }


def _mac(key: bytes, message: str) -> str:
    """HMAC-SHA256 (RFC 2104) of an SQL expression, in hexadecimal."""
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in padded).hex() for mask in (0x36, 0x5C))
    return f"sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || {message})))"
