"""Records with nothing of a person's own in them: a name and an address, as on a list that was bought.

Father and son both live there. Such a record says nothing about whether two others are one person, so it has no vote on
it; once the others are grouped it goes to the one group that it fits, by the home that it names, and to none where two
fit as well. Here: which records these are, and where they go. Not here: how the others are grouped (`clustering.py`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.clustering import Numbers
from crm_platform.scv.match.model import Model
from crm_platform.scv.match.settings import VETO

OWN = ("birth_date", "email", "phone", "national_id")
# In bits: a record fits one group better than another when it is twice as likely its.
CLEARLY = 1.0


def is_telling(records: pl.DataFrame, model: Model) -> NDArray[np.bool_]:
    """Whether a record holds something of a person's own; every record does where the data know of no such thing."""
    own = [name for name in OWN if name in {field.name for field in model.fields}]
    if not own:
        return np.ones(records.height, dtype=np.bool_)
    return records.select(pl.any_horizontal(pl.col(name).is_not_null() for name in own)).to_series().to_numpy()


def attached(
    cluster: Numbers, telling: NDArray[np.bool_], left: Numbers, right: Numbers, weight: NDArray[np.float64]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """The clusters with the bare records in them that fit one, and which bare records fit none.

    cluster: of the telling records, the bare ones alone. A record fits as well as the likest of a cluster, for a person
    who has moved is known with more than one home. Those that fit two clusters equally well stay alone.
    """
    pairs = pl.LazyFrame({"left": left, "right": right, "weight": np.round(weight, 6)})
    both = pl.concat([pairs, pairs.select(left="right", right="left", weight="weight")])
    named = both.with_columns(
        is_bare=pl.lit(pl.Series(~telling)).gather(pl.col("left")),
        is_told=pl.lit(pl.Series(telling)).gather(pl.col("right")),
        cluster=pl.lit(pl.Series(cluster)).gather(pl.col("right")),
    ).filter(pl.col("is_bare") & pl.col("is_told"))
    fits = (
        named.group_by("left", "cluster").agg(best=pl.col("weight").max(), worst=pl.col("weight").min())
        .filter(pl.col("best") > 0, pl.col("worst") > VETO)
        .sort(["left", "best", "cluster"], descending=[False, True, False])
        .group_by("left", maintain_order=True)
        .agg(pl.col("cluster").first(), best=pl.col("best").first(), second=pl.col("best").slice(1, 1).first())
        .collect()
    )  # fmt: skip
    is_clear = fits["best"] - fits["second"].fill_null(-np.inf) >= CLEARLY
    result = cluster.copy()
    chosen = fits.filter(is_clear)
    result[chosen["left"].to_numpy()] = chosen["cluster"].to_numpy()
    fits_none = ~telling
    fits_none[fits["left"].to_numpy()] = False
    return _smallest(result), fits_none


def _smallest(cluster: Numbers) -> Numbers:
    """Clusters named by their smallest row."""
    smallest = np.full(len(cluster), len(cluster), dtype=np.int64)
    np.minimum.at(smallest, cluster, np.arange(len(cluster)))
    result: Numbers = smallest[cluster]
    return result
