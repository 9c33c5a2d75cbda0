"""Records with nothing of a person's own in them: a name and an address, as on a list that was bought.

Father and son both live there. Such a record says nothing about whether two others are one person, so it has no vote on
it; once the others are grouped it goes to the one group that it fits, by the home that it names, and to none where two
fit as well. Here: which records these are, and where they go. Not here: how the others are grouped (`clustering.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.clustering import Numbers, Once
from crm_platform.scv.match.model import Model
from crm_platform.scv.match.settings import VETO

Flags = NDArray[np.bool_]
OWN = ("birth_date", "email", "phone", "national_id")
# In bits: a record fits one group better than another when it is twice as likely its.
CLEARLY = 1.0


@dataclass(frozen=True)
class Said:
    """Per record whether it holds something of a person's own, whether it names a home, and whether it names the person
    by more than an initial; each holds of every record where the data know of no such thing. given: that name."""

    telling: Flags
    home: Flags
    name: Flags
    given: pl.Series | None = None


def said_by(records: pl.DataFrame, model: Model) -> Said:
    """What the records say, of the columns that the model compares."""
    compared = {field.name for field in model.fields}
    own = [pl.col(name).is_not_null() for name in OWN if name in compared]
    home = [pl.col("street_key").is_not_null()] if "address" in compared else []
    name = [(pl.col("given_first").str.len_chars() > 1).fill_null(False)] if "given" in compared else []
    every = np.ones(records.height, dtype=np.bool_)
    telling, has_home, has_name = (
        records.select(pl.any_horizontal(parts)).to_series().to_numpy() if parts else every
        for parts in (own, home, name)
    )  # fmt: skip
    given = records.select(pl.when(pl.col("given_first").str.len_chars() > 1).then("given_first")).to_series()
    return Said(telling, has_home, has_name, given if name else None)


def attached(
    cluster: Numbers,
    said: Said,
    left: Numbers,
    right: Numbers,
    weight: NDArray[np.float64],
    once: Once | None = None,
) -> tuple[Numbers, Flags]:
    """The clusters with the bare records in them that fit one, and which bare records fit none.

    cluster: of the telling records, the bare ones alone. A record fits as well as the likest of a cluster, for a person
    who has moved is known with more than one home; what fits by those who speak for their clusters (`_speaks`) goes
    before what does not. A cluster of which the record's source has a record already is fitted the less. Of clusters
    that it fits equally well it goes to the one that bears the very name, for in a family Mary is not Mark with a
    typing error; those that fit two even so stay alone.
    """
    telling = said.telling
    pairs = pl.LazyFrame({"left": left, "right": right, "weight": np.round(weight, 6)})
    both = pl.concat([pairs, pairs.select(left="right", right="left", weight="weight")])
    named = both.with_columns(
        is_bare=pl.lit(pl.Series(~telling)).gather(pl.col("left")),
        is_told=pl.lit(pl.Series(telling)).gather(pl.col("right")),
        is_named=_is_named(said),
        speaks=pl.lit(pl.Series(_speaks(cluster, said))).gather(pl.col("right")),
        cluster=pl.lit(pl.Series(cluster)).gather(pl.col("right")),
    ).filter(pl.col("is_bare") & pl.col("is_told"))
    spoken = pl.col("weight").filter(pl.col("speaks")).max().fill_null(VETO)
    fits = (
        named.group_by("left", "cluster")
        .agg(
            spoken=spoken,
            heard=pl.col("weight").max(),
            worst=pl.col("weight").min(),
            is_named=pl.col("is_named").filter(pl.col("weight") > 0).any(),
        )
        .with_columns(again=_again(once, cluster, telling))
        .with_columns(pl.col("spoken", "heard") + pl.col("again"))
        .filter(pl.col("heard") > 0, pl.col("worst") > VETO)
        .with_columns(is_spoken=pl.col("spoken") > 0)
        .filter(pl.col("is_spoken") == pl.col("is_spoken").any().over("left"))
        .with_columns(fit=pl.when("is_spoken").then("spoken").otherwise("heard"))
        .filter(pl.col("fit") > pl.col("fit").max().over("left") - CLEARLY)
        .filter(pl.col("is_named") == pl.col("is_named").any().over("left"))
        .group_by("left").agg(pl.col("cluster").min(), number=pl.len()).sort("left").collect()
    )  # fmt: skip
    chosen = fits.filter(number=1)
    result = cluster.copy()
    result[chosen["left"].to_numpy()] = chosen["cluster"].to_numpy()
    fits_none = ~telling
    fits_none[fits["left"].to_numpy()] = False
    return _smallest(result), fits_none


def _is_named(said: Said) -> pl.Expr:
    """Whether the records `left` and `right` name the same person by more than an initial."""
    if said.given is None:
        return pl.lit(True)
    given = pl.lit(said.given)
    return (given.gather(pl.col("left")) == given.gather(pl.col("right"))).fill_null(False)


def _again(once: Once | None, cluster: Numbers, telling: Flags) -> pl.Expr:
    """What the source of a record `left` says against a cluster, of which it has a record already."""
    if once is None:
        return pl.lit(0.0)
    of_cluster = np.zeros(len(cluster), dtype=np.uint64)
    np.bitwise_or.at(of_cluster, cluster[telling], once.held[telling])
    of_record, held = (pl.lit(pl.Series(bits)) for bits in (once.held, of_cluster))
    both = of_record.gather(pl.col("left")) & held.gather(pl.col("cluster"))
    return both.map_batches(lambda bits: pl.Series(once.again(bits.to_numpy())), return_dtype=pl.Float64)


def _speaks(cluster: Numbers, said: Said) -> Flags:
    """Which records speak for their clusters: where any of a cluster names a home, or the whole name, those that do.

    A record without a home fits everybody of its name in the town; where another of the same person names one,
    elsewhere, the first has less to say on who lives here.
    """
    rows = pl.DataFrame({"cluster": cluster, "home": said.home, "name": said.name})
    full = [pl.col(part) | ~pl.col(part).any().over("cluster") for part in ("home", "name")]
    result: Flags = rows.select(pl.all_horizontal(full)).to_series().to_numpy()
    return result


def _smallest(cluster: Numbers) -> Numbers:
    """Clusters named by their smallest row."""
    smallest = np.full(len(cluster), len(cluster), dtype=np.int64)
    np.minimum.at(smallest, cluster, np.arange(len(cluster)))
    result: Numbers = smallest[cluster]
    return result
