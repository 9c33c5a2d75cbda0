"""Loyalty and profitability in a refresh: their tables, their checks, and what a refresh without news leaves alone."""

from pathlib import Path

import dagster as dg
import pytest

from crm_platform.loyalty.tables import LOYALTY_CONTRACTS
from crm_platform.value.profitability.contracts import FACT_CUSTOMER_MONTH, PROFITABILITY_CONTRACTS
from crm_platform.warehouse.lake import Lake
from tests.end_to_end.tables import table
from tests.orchestration.running import materialized, refreshed, up_to
from tests.orchestration.small_company import SHOP, STOCK, deliver, deliver_all, write_config

CLUB = """\
source: club
description: The loyalty club.
feeds:
  loyalty_redemptions:
    customers_of: shop
    files: club/redemptions_*.csv
    form: {kind: csv, delimiter: ","}
    columns: {redemption_id: Ref, customer_id: Member, points: Points, redeemed_dt: At}
"""
SCHEME = """\
programme: Club
schemes:
  - from: 2019-01-01
    earning: [{rule: purchase, points_per_amount: 100}]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A shop that sells, and a club by which a cent is a point for good."""
    folder = write_config(tmp_path / "config", shop=SHOP, stock=STOCK, club=CLUB)
    (folder / "loyalty.yaml").write_text(SCHEME, encoding="utf-8")
    return folder


def checks_of(result: dg.ExecuteInProcessResult, group: str) -> dict[str, bool]:
    """Whether each check of a stage passed, but those of the contracts."""
    checks = (check for check in result.get_asset_check_evaluations() if check.asset_key.path[0] == group)
    return {check.check_name: check.passed for check in checks if check.check_name != "contract_holds"}


def test_a_refresh_makes_every_table_of_both_stages_and_their_checks_hold(tmp_path: Path, config: Path) -> None:
    home = tmp_path / "home"
    deliver_all(home)
    wishes = "Ref,Member,Points,At\nR1,C2,250,2020-05-01T10:00:00Z\nR2,C2,250,2020-05-02T10:00:00Z\n"
    deliver(home, "club/redemptions_1.csv", wishes)
    result = refreshed(home, config, up_to("loyalty", "value"))
    assert result.success, [event.message for event in result.all_events if event.is_step_failure]
    assert {each.table for each in (*LOYALTY_CONTRACTS, *PROFITABILITY_CONTRACTS)} <= materialized(result)
    assert all(checks_of(result, "loyalty").values()) and len(checks_of(result, "loyalty")) == 5
    assert all(checks_of(result, "value").values()) and len(checks_of(result, "value")) == 3

    assert table(home, "loyalty.loyalty_member")["balance_points"].sum() == 100 * (55 + 10 * 0.5) - 250
    assert table(home, "loyalty.refused_redemption")["reason"].to_list() == ["beyond_balance"]
    revenue = table(home, "value.fact_customer_month")["revenue_amount"].sum()
    assert float(revenue) == 60

    files = {path: path.stat().st_mtime_ns for path in Lake(home / "lake").data_files(FACT_CUSTOMER_MONTH)}
    assert refreshed(home, config, dg.AssetSelection.groups("loyalty", "value")).success
    # The present month carries one overhead more with every day.
    kept = {path for path, moment in files.items() if path.stat().st_mtime_ns == moment}
    assert len(files) - len(kept) <= 1


def test_a_scheme_that_cannot_be_used_stops_its_stage_and_says_what_to_mend(tmp_path: Path, config: Path) -> None:
    home = tmp_path / "home"
    deliver_all(home)
    (config / "loyalty.yaml").write_text(SCHEME.replace("points_per_amount: 100", "points: 0"), encoding="utf-8")
    result = refreshed(home, config, dg.AssetSelection.groups("sources", "scv", "loyalty"))
    assert not result.success
    messages = " ".join(str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure)
    assert "give `points` or `points_per_amount`" in messages and "docs/loyalty.md" in messages
    assert "dim_customer" in materialized(result)
