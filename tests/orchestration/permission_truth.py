"""What the demo company's people had agreed to at a time, from the lots that its files were written from.

Here: the truth of each record, told from its generator, and of ticks and objections from the staged rows; how the
records of a customer add up. Not here: the platform's own way to it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from crm_platform.demo.catalogue import make_catalogue
from crm_platform.demo.company import make_population
from crm_platform.demo.crm import customer_ref
from crm_platform.demo.permissions import permission_events
from crm_platform.demo.settings import COMPANY_FILE, Period, chunks, load_company
from crm_platform.demo.web import user_id

CONSENT = ("party", "communication", "communication_type", "channel", "brand", "since", "known", "until")


@dataclass(frozen=True)
class Truth:
    """The truth of a refreshed demo company."""

    home: Path
    customers: int
    as_of: date
    seed: int

    @cached_property
    def consents(self) -> pl.DataFrame:
        """CONSENT: each consent of a record, when it was told, and the end of its validity; empty communication: the
        general kind."""
        rows = pl.concat([self._permissions().select(CONSENT), self._ticks().select(CONSENT)])
        return rows.sort("party", "since")

    @cached_property
    def withdrawals(self) -> pl.DataFrame:
        """party, communication, communication_type, channel, brand, when, known, reach (one, its channel, all)."""
        events = self._events()
        named = ["party", "communication", "communication_type", "channel", "brand", "when", "known"]
        kinds = {"opt_out": "one", "list_unsubscribe": "one", "complaint": "channel", "global_opt_out": "all"}
        from_events = events.filter(pl.col("event_type").is_in(list(kinds))).select(
            *named, reach=pl.col("event_type").replace_strict(kinds)
        )
        ticks = self._staged(
            "SELECT concat('web:', customer_id) AS party, NULL AS communication, 'marketing' AS communication_type, "
            "'email' AS channel, brand, updated_dt AS when, updated_dt AS known, 'one' AS reach FROM ("
            "SELECT *, lag(has_marketing_consent) OVER (PARTITION BY registration_id ORDER BY coalesce(updated_dt, "
            "registered_dt)) AS before FROM stg_web_registrations WHERE has_marketing_consent IS NOT NULL) "
            "WHERE NOT has_marketing_consent AND before"
        )
        calls = self._staged(
            "SELECT concat('crm:', customer_id) AS party, NULL AS communication, NULL AS communication_type, "
            "'telephone' AS channel, NULL AS brand, event_dt AS when, event_dt AS known, 'channel' AS reach "
            "FROM stg_crm_call_outcomes WHERE outcome = 'do_not_call'"
        )
        return pl.concat(
            [rows.select(from_events.columns).cast(from_events.schema) for rows in (from_events, ticks, calls)]  # type: ignore[arg-type]
        )

    def permitted(self, at: datetime, communications: pl.DataFrame) -> set[tuple[str, str, str]]:
        """(customer's first party, communication, channel) that the records of each customer permit together at `at`,
        by what had been told by then.

        communications: communication, communication_type, kind, brand.
        """
        asked = dict(communications.select("communication", pl.struct(pl.all()).alias("about")).iter_rows())
        return {
            (customer, name, channel)
            for customer, parties in self._customers().items()
            for name, about in asked.items()
            for channel in ("email", "sms", "post", "telephone", "rss", "web")
            if self._is_permitted(parties, name, about, channel, at)
        }

    def _is_permitted(self, parties: list[str], name: str, about: dict[str, str], channel: str, at: datetime) -> bool:
        consents = [row for party in parties for row in self._by_party.get(party, ())]
        withdrawals = [row for party in parties for row in self._withdrawn_by_party.get(party, ())]
        said = [row for row in consents if row["since"] <= at and row["known"] <= at]
        heard = [row for row in withdrawals if row["when"] <= at and row["known"] <= at]

        def is_asked(row: dict[str, str]) -> bool:
            if about["kind"] == "subscription":
                return row["communication"] == name and row["channel"] == channel
            same = row["communication"] is None and row["communication_type"] == about["communication_type"]
            return same and row["channel"] == channel and row["brand"] == about["brand"]

        def reaches(row: dict[str, str]) -> bool:
            return row["reach"] == "all" or (row["reach"] == "channel" and row["channel"] == channel) or is_asked(row)

        given = [row for row in said if is_asked(row)]
        against = [row for row in heard if reaches(row)]
        holds = any(
            (row["until"] is None or at < row["until"])
            and row["since"] == max(each["since"] for each in given if each["party"] == row["party"])
            and all(each["when"] < row["since"] for each in against)
            for row in given
        )
        stands = any(
            not any(row["party"] == each["party"] and row["since"] > each["when"] for row in given)
            for each in against
            if each["reach"] != "channel" or each["communication_type"] is None or is_asked(each)
        )
        return holds and not stands

    @cached_property
    def _by_party(self) -> dict[str, list[dict[str, str]]]:
        return _grouped(self.consents)

    @cached_property
    def _withdrawn_by_party(self) -> dict[str, list[dict[str, str]]]:
        return _grouped(self.withdrawals)

    def _customers(self) -> dict[str, list[str]]:
        keys = pl.read_parquet(self.home / "lake" / "scv" / "customer_ref_key" / "data.parquet")
        spoken = pl.concat([self.consents["party"], self.withdrawals["party"]]).unique()
        unknown = spoken.to_frame("customer_ref").join(keys, on="customer_ref", how="anti")
        heard = pl.concat([keys, self._by_person(unknown, keys)])
        rows = heard.filter(pl.col("customer_ref").is_in(spoken.implode())).sort("customer_ref")
        return {str(key): refs for key, refs in rows.group_by("customer_key").agg("customer_ref").iter_rows()}

    def _by_person(self, unknown: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
        """customer_ref and customer_key of numbers that no loaded record bears, whose person is one customer: known by
        the address that the person gave."""
        written = pl.read_parquet(self.home / "landing" / "_truth" / "record_person.parquet").select(
            "person_id", customer_ref=pl.concat_str("source", pl.lit(":"), "record_id")
        )
        customers = written.join(keys, on="customer_ref").group_by("person_id").agg(pl.col("customer_key").unique())
        found = unknown.join(written, on="customer_ref").join(customers, on="person_id")
        return found.filter(pl.col("customer_key").list.len() == 1).explode("customer_key").select(keys.columns)

    @cached_property
    def _lots(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The permissions of all chunks, and their events."""
        settings, period = load_company(COMPANY_FILE), Period(self.as_of)
        catalogue = make_catalogue(settings, period, self.seed)
        everything = pl.concat(
            make_population(chunk, settings, catalogue, period, self.seed).permissions
            for chunk in chunks(self.customers)
        )
        return everything, permission_events(everything, period)

    def _permissions(self) -> pl.DataFrame:
        told = self._lots[1].select(
            step=pl.col("event_id").str.tail(1), permission_id=pl.col("event_id").str.head(-1), told="received_dt"
        )
        # A confirmation counts once its request is known as well.
        given = told.filter(pl.col("step").is_in(["a", "b"])).group_by("permission_id").agg(known=pl.col("told").max())
        rows = self._lots[0].filter(pl.col("subscribed_dt").is_not_null())
        expires = (pl.col("valid_until_date") + pl.duration(days=1)).cast(pl.Datetime("us", "UTC"))
        return rows.join(given, on="permission_id", maintain_order="left").with_columns(
            _party(),
            pl.when(pl.col("communication_type") == "subscription").then("communication").alias("communication"),
            pl.col("subscribed_dt").dt.truncate("1s").alias("since"),
            pl.min_horizontal(expires, pl.when(pl.col("ended_by") == "expiry").then("unsubscribed_dt")).alias("until"),
        )

    def _events(self) -> pl.DataFrame:
        return self._lots[1].with_columns(
            _party(),
            pl.when(pl.col("communication_type") == "subscription").then("communication").alias("communication"),
            pl.col("event_dt").dt.truncate("1s").alias("when"),
            pl.col("received_dt").alias("known"),
        )

    def _ticks(self) -> pl.DataFrame:
        ticks = self._staged(
            "SELECT concat('web:', customer_id) AS party, brand, "
            "CASE WHEN version = 1 THEN registered_dt ELSE updated_dt END AS since, since AS known "
            "FROM (SELECT *, row_number() OVER versions AS version, "
            "lag(has_marketing_consent) OVER versions AS before "
            "FROM stg_web_registrations WHERE has_marketing_consent IS NOT NULL "
            "WINDOW versions AS (PARTITION BY registration_id ORDER BY coalesce(updated_dt, registered_dt))) "
            "WHERE has_marketing_consent AND coalesce(NOT before, TRUE)"
        )
        return ticks.with_columns(
            communication=pl.lit(None, pl.String),
            communication_type=pl.lit("marketing"),
            channel=pl.lit("email"),
            until=pl.lit(None, pl.Datetime("us", "UTC")),
        )

    def _staged(self, query: str) -> pl.DataFrame:
        with duckdb.connect(str(self.home / "serving" / "crm.duckdb"), read_only=True) as published:
            published.execute("SET TimeZone = 'UTC'; USE sources")
            return published.sql(query).pl()


def _party() -> pl.Expr:
    web = pl.concat_str(pl.lit("web:"), user_id())
    return (
        pl.when(pl.col("system") == "web")
        .then(web)
        .otherwise(pl.concat_str(pl.lit("crm:"), customer_ref()))
        .alias("party")
    )


def _grouped(rows: pl.DataFrame) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["party"], []).append(row)
    return found


def communications(home: Path) -> pl.DataFrame:
    """communication, communication_type, kind, brand, channels of what the company sends."""
    dimension = pl.read_parquet(home / "lake" / "sources" / "dim_communication" / "data.parquet")
    return dimension.filter(pl.col("communication_key") > 0).select(
        communication="communication_code",
        communication_type="communication_type",
        kind="communication_kind",
        brand="brand_code",
        channels="channel_codes",
    )


def days_of(truth: Truth) -> list[datetime]:
    """Noon (UTC) of the last day and of five before it."""
    noon = datetime.combine(truth.as_of, time(12), UTC)
    return [noon - timedelta(days=back) for back in (0, 30, 90, 200, 365, 600)]
