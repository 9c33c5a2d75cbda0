"""Which pairs of records a person should look at: grey ones, and those that alone hold a customer together.

Here: the choice and its order. Not here: the words (`evidence.py`).
"""

import polars as pl

from crm_platform.scv.match.clustering import connected_components
from crm_platform.scv.settings import ReviewSettings

COLUMNS = (
    "kind",
    "record_id_a",
    "record_id_b",
    "customer_key_a",
    "customer_key_b",
    "match_weight",
    "match_probability",
    "risk",
)


def pairs_in_doubt(
    pairs: pl.DataFrame, xref: pl.DataFrame, verdicts: pl.DataFrame, settings: ReviewSettings
) -> pl.DataFrame:
    """The pairs in doubt (`COLUMNS`), the riskiest first; of two customers the pair that says most, one.

    Args:
        pairs: record_id_l, record_id_r, match_weight of the model.
        xref: record_id, customer_key.
        verdicts: record_id_a, record_id_b: pairs that are decided already.
    """
    sizes = xref.group_by("customer_key").agg(size=pl.len())
    keyed = xref.select("record_id", "customer_key").join(sizes, on="customer_key")
    known = (
        pairs.rename({"record_id_l": "record_id_a", "record_id_r": "record_id_b"})
        .join(verdicts, on=["record_id_a", "record_id_b"], how="anti")
        .join(keyed.rename({"record_id": "record_id_a"}), on="record_id_a")
        .join(keyed.rename({"record_id": "record_id_b"}), on="record_id_b", suffix="_b")
        .rename({"customer_key": "customer_key_a"})
        .with_columns(match_probability=1.0 / (1.0 + 2.0 ** -pl.col("match_weight").clip(-60.0, 60.0)))
    )
    is_same = pl.col("customer_key_a") == pl.col("customer_key_b")
    is_doubtful = pl.col("match_probability") <= settings.highest_probability
    grey = known.filter(~is_same, is_doubtful, pl.col("match_probability") >= settings.lowest_probability)
    inside = known.filter(is_same)
    bridges = _bridges(inside.filter(is_doubtful), inside.filter(~is_doubtful))
    decisive = pl.concat(
        [grey.with_columns(kind=pl.lit("grey_pair")), bridges.with_columns(kind=pl.lit("weak_bridge"))]
    )
    doubt = 1.0 - (2.0 * pl.col("match_probability") - 1.0).abs()
    concerned = pl.when(pl.col("kind") == "grey_pair").then(pl.col("size") + pl.col("size_b")).otherwise("size")
    ranked = decisive.with_columns(risk=doubt * concerned.cast(pl.Float64).log1p()).sort(
        ["risk", "record_id_a", "record_id_b"], descending=[True, False, False]
    )
    customers = pl.struct(
        lower=pl.min_horizontal("customer_key_a", "customer_key_b"),
        upper=pl.max_horizontal("customer_key_a", "customer_key_b"),
    )
    one_each = ranked.filter((pl.col("kind") == "weak_bridge") | customers.is_first_distinct())
    return one_each.select(COLUMNS)


def _bridges(weak: pl.DataFrame, strong: pl.DataFrame) -> pl.DataFrame:
    """The weak pairs whose two records no chain of strong pairs ties together."""
    ids = (
        pl.concat([weak["record_id_a"], weak["record_id_b"], strong["record_id_a"], strong["record_id_b"]])
        .unique()
        .sort()
    )
    places = pl.DataFrame({"record_id": ids}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))

    def placed(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(places.rename({"record_id": "record_id_a", "place": "l"}), on="record_id_a").join(
            places.rename({"record_id": "record_id_b", "place": "r"}), on="record_id_b"
        )

    tied = placed(strong)
    label = pl.Series(connected_components(len(ids), tied["l"].to_numpy(), tied["r"].to_numpy()), dtype=pl.Int64)
    judged = placed(weak)
    is_bridge = label.gather(judged["l"]) != label.gather(judged["r"])
    return judged.filter(is_bridge).drop("l", "r")
