"""Events straight out of a file, without lake or staging: what `crm events` prints.

Here: a file's batches as normalised rows. Not here: the command, and the table `campaign.event` (`build.py`).
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from crm_platform.campaign.access_logs.hits import tracked_hits
from crm_platform.campaign.actors.classify import RESPONSES, VERDICT, classify, networks_from
from crm_platform.campaign.events.arrivals import WEB_LOG
from crm_platform.campaign.events.settings import EventSettings
from crm_platform.campaign.providers.normalise import normalise
from crm_platform.campaign.tracking.signatures import Keyring
from crm_platform.sources.readers.batch import SOURCE_LINE, FileForm, RawBatch, ReadLimits
from crm_platform.sources.readers.json_texts import PLACE
from crm_platform.sources.readers.registry import read_file
from crm_platform.warehouse.digest import digests

_UTC = pl.Datetime("us", "UTC")
ROW = {
    "file": pl.String(),
    "line": pl.Int64(),
    "provider": pl.String(),
    "provider_type": pl.String(),
    "event_type": pl.String(),
    "recipient": pl.String(),
    "event_dt": _UTC,
    "received_dt": _UTC,
    "loaded_dt": _UTC,
    "message_id": pl.String(),
    "dedupe_key": pl.String(),
    "bounce_kind": pl.String(),
    "reason": pl.String(),
    "address_invalid": pl.Boolean(),
    "status": pl.String(),
    "rule": pl.String(),
    "evidence": pl.String(),
    "url": pl.String(),
    "user_agent": pl.String(),
    "actor_class": pl.String(),
    "actor_rule": pl.String(),
    "campaign": pl.String(),
    "member": pl.String(),
    "link": pl.String(),
    "rejected_reason": pl.String(),
}
"""The columns of a row: an event, or a line that holds none (`rejected_reason`)."""


def events_of_file(
    path: Path,
    work: Path,
    settings: EventSettings,
    loaded_dt: datetime,
    provider: str | None = None,
    keyring: Keyring | None = None,
) -> Iterator[pl.DataFrame]:
    """The events of a file in the columns of ROW, in batches; each line of the file has at least one row.

    With a keyring the file is an access log, whose requests for other pages have no row. provider: whose events they
    all are, where their shape should not decide. work: a folder for what is unpacked. `received_dt` is the file's time
    where no envelope says more.

    Raises:
        RefusedFile: the file cannot be read.
    """
    received_dt = datetime.fromtimestamp(path.stat().st_mtime, loaded_dt.tzinfo)
    form = FileForm(kind="provider_events" if keyring is None else "access_log")
    with read_file(path, form, work, ReadLimits(), []) as content:
        for batch in content.batches():
            told = _of_log(batch, keyring, settings) if keyring else _of_provider(batch, provider)
            signs = told.select(
                "event_type", "user_agent", "is_proxy", "event_dt", "url", method=pl.col("method"),
                network=networks_from(told["address"], settings.actors), member_id="member", campaign_id="campaign",
                link_id="link", arrived_dt=pl.lit(None, _UTC), number_of_links=pl.lit(None, pl.Int64),
            )  # fmt: skip
            verdicts = classify(signs, settings.actors)
            is_response = pl.col("event_type").is_in(RESPONSES)
            rows = told.with_columns(verdicts).with_columns(
                pl.when(is_response).then(name).alias(name) for name in VERDICT
            )
            rows = pl.concat([pl.DataFrame(schema=ROW), rows, _refused(batch)], how="diagonal_relaxed")
            yield (
                rows.with_columns(
                    pl.lit(str(path)).alias("file"),
                    pl.coalesce("received_dt", pl.lit(received_dt, _UTC)).alias("received_dt"),
                    pl.lit(loaded_dt, _UTC).alias("loaded_dt"),
                )
                .select(pl.col(name).cast(dtype) for name, dtype in ROW.items())
                .sort("line", maintain_order=True)
            )


def _of_provider(batch: RawBatch, provider: str | None) -> pl.DataFrame:
    events = batch.rows if provider is None else batch.rows.with_columns(provider=pl.lit(provider))
    told = normalise(events)
    place = events.select(pl.col(SOURCE_LINE).alias("line"), "event_dt", "received_dt").select(
        pl.all().gather(told[PLACE])
    )
    return told.with_columns(place).rename(
        {"original_message_id": "message_id", "event_id": "dedupe_key", "ip_address": "address"}
    ).with_columns(method=pl.lit(None, pl.String))  # fmt: skip


def _of_log(batch: RawBatch, keyring: Keyring, settings: EventSettings) -> pl.DataFrame:
    hits = tracked_hits(batch.rows, keyring, settings.tracking)
    said = ["ip_address", "event_dt", "method", "url", "user_agent", "request_id", "event_type"]
    key = pl.concat_str(*(pl.col(name).cast(pl.String).fill_null("") for name in said), separator="\x1f")
    return hits.select(
        "event_type", "event_dt", "method", "user_agent", "address", "rejected_reason",
        pl.col(SOURCE_LINE).alias("line"),
        provider=pl.lit(WEB_LOG),
        provider_type="method",
        campaign="campaign_id", member="member_id", link="link_id",
        address_invalid=pl.lit(False), is_proxy=pl.lit(False), url=pl.lit(None, pl.String),
        received_dt=pl.lit(None, _UTC),
        dedupe_key=digests(hits.select(key).to_series()),
    )  # fmt: skip


def _refused(batch: RawBatch) -> pl.DataFrame:
    """The lines that hold no event."""
    return batch.rejects.select(
        pl.col(SOURCE_LINE).alias("line"),
        event_type=pl.lit("unknown"),
        address_invalid=pl.lit(False),
        rejected_reason=pl.col("reason"),
    )
