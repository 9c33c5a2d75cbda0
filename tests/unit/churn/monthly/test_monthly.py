"""A month of a company's own models: what was known, who scores, and what is said when next to nothing is known."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crm_platform.churn.contracts import CHURN_DECISION, CHURN_SCORE
from crm_platform.churn.monthly.build import MonthlyChurn, publish_churn_months
from crm_platform.churn.monthly.current import publish_customer_churn
from crm_platform.churn.store import ModelRefused
from crm_platform.churn.tables import MONTHLY_CONTRACTS
from crm_platform.permission.facts.contracts import FACT_SUBSCRIPTION
from tests.unit.churn.inputs.events import case, known_to
from tests.unit.loyalty.club import RATES, START, Club, at, line, order
from tests.unit.value.scores.test_scores import busy

MAY, JUNE = "2025-05", "2025-06"
AFTER_JUNE = datetime(2025, 7, 20, tzinfo=UTC)
MEMBERS = 60


def trained(club: Club, models: Path, *months: str, horizons: tuple[int, ...] = (30,)) -> MonthlyChurn:
    return publish_churn_months(club.engine, models, RATES, club.feeds, months, horizons, (30,), look_back=1)


def busy_club(root: Path) -> Club:
    club = Club(root, [{} for _ in range(MEMBERS)])
    busy(club, MEMBERS)
    subscribed(club)
    known_to(club, MEMBERS)
    club.state("crm.support_cases", *(case(f"early {number}", at(3, 1), number) for number in range(1, 20)))
    return club


def subscribed(club: Club) -> None:
    """Every second member subscribes; of those every other one gives it up in the spring."""
    rows = []
    for number in range(2, MEMBERS + 1, 2):
        begun = START - timedelta(days=number)
        ended = at(4, 1) + timedelta(days=number) if number % 4 == 0 else None
        rows.append(
            {"customer_key": number, "communication_key": 1, "channel_key": 1, "number_of_subscriptions": 1,
             "subscribed_dt": begun, "unsubscribed_dt": ended, "is_active_flag": int(ended is None),
             "created_dt": begun, "last_updated_dt": ended or begun}
        )  # fmt: skip
    club.know(FACT_SUBSCRIPTION, rows)


def contents(club: Club, models: Path, month: str) -> dict[str, bytes]:
    """The bytes of a month of every table, and of every model."""
    tables = {each.name: club.engine.lake.data_file(each, month).read_bytes() for each in MONTHLY_CONTRACTS}
    return tables | {file.name: file.read_bytes() for file in sorted(models.rglob("*.json"))}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Club, Path, MonthlyChurn]:
    """A club with two months trained in one run; to be looked at, not changed."""
    root = tmp_path_factory.mktemp("club")
    club = busy_club(root)
    return club, root / "models", trained(club, root / "models", MAY, JUNE)


def test_every_customer_at_risk_has_a_chance_a_band_and_at_most_three_reasons(
    made: tuple[Club, Path, MonthlyChurn],
) -> None:
    club, models, _ = made
    scores = club.engine.query("SELECT * FROM churn.churn_score WHERE as_of_date = DATE '2025-06-30'")
    silence = scores.filter(pl.col("kind") == "silence")
    features = club.engine.query("SELECT * FROM churn.churn_feature WHERE as_of_date = DATE '2025-06-30'")
    buyers = features.filter(pl.col("number_of_purchases") > 0)["customer_key"].to_list()
    assert sorted(silence["customer_key"]) == sorted(buyers)
    assert set(silence["risk_band"]) == {1, 2, 3, 4, 5}
    riskier = silence.sort("churn_prob")
    assert riskier["risk_band"].is_sorted()
    assert riskier.tail(5)["reason_1"].null_count() == 0
    assert {path.stem for path in (models / "churn").iterdir()} >= set(scores["model_digest"])


def test_only_who_has_a_subscription_can_lose_it(made: tuple[Club, Path, MonthlyChurn]) -> None:
    club, _, _ = made
    scored = club.engine.query(
        "SELECT customer_key FROM churn.churn_score WHERE kind = 'subscription' AND as_of_date = DATE '2025-06-30'"
    )
    gone = {number for number in range(4, MEMBERS + 1, 4) if at(4, 1) + timedelta(days=number) <= at(6, 30, hour=23)}
    assert set(scored["customer_key"]) == set(range(2, MEMBERS + 1, 2)) - gone


def test_the_first_month_has_no_champion_and_the_next_decides_on_it(made: tuple[Club, Path, MonthlyChurn]) -> None:
    club, _, result = made
    decisions = club.engine.query(
        "SELECT * FROM churn.churn_decision WHERE kind = 'silence' ORDER BY as_of_date"
    ).to_dicts()
    first, second = decisions
    assert first["champion_digest"] is None and first["is_replaced"]
    assert second["champion_digest"] == first["in_force_digest"]
    assert second["held_back_date"] == date(2025, 5, 31)
    assert result.publications[CHURN_DECISION.table].partition_keys == (MAY, JUNE)


def test_what_happens_or_is_loaded_after_the_month_moves_no_byte_of_scores_features_or_models(
    made: tuple[Club, Path, MonthlyChurn], tmp_path: Path
) -> None:
    """Orders, cancellations, cases, opt-outs: some dated after the month, some before it and told of later."""
    clean, models, _ = made
    poisoned = busy_club(tmp_path)
    orders = [order(f"late-{number}", at(7, 1), number) for number in range(1, 41)]
    lines = [line(f"late-{number}", at(7, 1), 1e6) for number in range(1, 41)]
    poisoned.state("shop.orders", *orders, order("told late", at(6, 1), 7), delivered=AFTER_JUNE)
    poisoned.state("shop.order_lines", *lines, line("told late", at(6, 1), 500), delivered=AFTER_JUNE)
    poisoned.state("shop.order_events", {"order_id": "1-0", "status": "cancelled", "event_dt": at(7, 1)})
    cases = [case(str(number), at(6, 20), number) for number in range(1, 30)]
    poisoned.state("crm.support_cases", *cases, delivered=AFTER_JUNE)
    survey = {"survey": "nps", "score": 0, "responded_dt": at(7, 2)}
    surveys = [{"response_id": str(number), "customer_id": str(number), **survey} for number in range(1, 30)]
    poisoned.state("crm.surveys", *surveys, delivered=AFTER_JUNE)
    ended = poisoned.engine.query("SELECT * FROM permission.fact_subscription").with_columns(
        unsubscribed_dt=pl.coalesce("unsubscribed_dt", pl.lit(AFTER_JUNE)), is_active_flag=pl.lit(0, dtype=pl.Int64)
    )
    poisoned.know(FACT_SUBSCRIPTION, ended.to_dicts())
    trained(poisoned, tmp_path / "models", MAY, JUNE)
    assert contents(poisoned, tmp_path / "models", JUNE) == contents(clean, models, JUNE)


def test_a_company_without_customers_has_no_scores_and_no_error(tmp_path: Path) -> None:
    club = Club(tmp_path, [{}])
    result = trained(club, tmp_path / "models", JUNE)
    assert result.lives == {}
    assert all(publication.number_of_rows == 0 for publication in result.publications.values())
    assert publish_customer_churn(club.engine, tmp_path / "models", RATES, club.feeds, AFTER_JUNE).number_of_rows == 0


def test_a_company_of_one_order_is_scored_by_what_little_it_knows_and_says_so(tmp_path: Path) -> None:
    club = Club(tmp_path, [{}, {}])
    club.state("shop.orders", order("1", at(6, 1)))
    club.state("shop.order_lines", line("1", at(6, 1), 10.0))
    result = trained(club, tmp_path / "models", JUNE, horizons=(30, 180))
    for life in result.lives.values():
        assert life.backtest == [] and life.too_short is not None and "too few days" in life.too_short
    chances = club.engine.query("SELECT churn_prob FROM churn.churn_score")["churn_prob"]
    assert len(chances) == 2 and chances.is_between(0.05, 0.95).all()


def test_the_scores_of_today_are_by_the_models_in_force(made: tuple[Club, Path, MonthlyChurn]) -> None:
    club, models, _ = made
    published = publish_customer_churn(club.engine, models, RATES, club.feeds, AFTER_JUNE)
    rows = club.engine.query("SELECT * FROM churn.customer_churn")
    assert published.number_of_rows == rows.height >= 30
    assert rows["as_of_date"].unique().to_list() == [date(2025, 7, 19)]
    assert rows["churn_30d_prob"].null_count() < rows.height
    assert rows["churn_90d_prob"].null_count() == rows.height  # no model of 90 days has been trained here


def test_a_model_file_that_was_changed_stops_the_scores(made: tuple[Club, Path, MonthlyChurn], tmp_path: Path) -> None:
    club, models, _ = made
    changed = tmp_path / "churn"
    changed.mkdir()
    for file in (models / "churn").iterdir():
        document = json.loads(file.read_text())
        document["model"]["calibration"]["offset"] += 1.0
        (changed / file.name).write_text(json.dumps(document))
    before = club.engine.lake.data_file(CHURN_SCORE, JUNE).read_bytes()
    with pytest.raises(ModelRefused, match="changed"):
        publish_customer_churn(club.engine, tmp_path, RATES, club.feeds, AFTER_JUNE)
    with pytest.raises(ModelRefused, match="no model file"):
        trained(club, tmp_path / "nowhere", "2025-07")
    assert club.engine.lake.data_file(CHURN_SCORE, JUNE).read_bytes() == before
