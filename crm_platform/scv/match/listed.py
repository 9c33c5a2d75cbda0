"""Sources whose records are nearly all somebody's who is known: a list that was bought of the company's own customers.

Of such a list a record that is tied to nobody is hardly a stranger's; it is rather of somebody who has moved, and known
elsewhere by now. Here: how sure that is, learnt from the records that are tied, and what it is worth to the others. Not
here: sources that hold each person once (`sources.py`), where a bare record goes (`bare.py`).
"""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.bare import Flags, said_by
from crm_platform.scv.match.model import Model
from crm_platform.scv.match.sources import LEAST_RECORDS, codes_of
from crm_platform.scv.match.trained import Trained
from crm_platform.scv.match.weighed import WeighedPairs

LEAST_BITS = 3.0


def listed_weights(records: pl.DataFrame, model: Model, pairs: WeighedPairs) -> dict[str, float]:
    """Per source the bits that a bare record of it is likelier somebody's who is known than nobody's.

    The base-2 logarithm of the odds, from the share of its bare records that are tied to a record of another source
    that is not bare. Sources of fewer than 100 bare records, and those of which less than 8 in 9 are tied, say nothing.
    """
    telling = said_by(records, model).telling
    names = records["source"].drop_nulls().unique().sort().to_list()
    if telling.all() or not names:
        return {}
    codes = codes_of(records["source"], names)
    is_bare = ~telling & (codes >= 0)
    is_tied = ~_untied(telling, pairs.only(codes[pairs.left] != codes[pairs.right]))
    held, tied = (np.bincount(codes[chosen], minlength=len(names)) for chosen in (is_bare, is_bare & is_tied))
    odds = np.log2((tied + 0.5) / (held - tied + 0.5))
    return {
        name: round(float(bits), 3)
        for name, bits, number in zip(names, odds, held, strict=True)
        if number >= LEAST_RECORDS and bits >= LEAST_BITS
    }


def with_listed(records: pl.DataFrame, trained: Trained, pairs: WeighedPairs) -> WeighedPairs:
    """The pairs, those of bare records that nothing ties to anybody raised by what their source says."""
    if not trained.listed:
        return pairs
    telling = said_by(records, trained.model).telling
    codes = codes_of(records["source"], list(trained.listed))
    worth = np.r_[np.asarray(list(trained.listed.values())), 0.0][codes]
    worth = np.where(~telling & _untied(telling, pairs), worth, 0.0).astype(np.float32)
    raised = np.where(telling[pairs.right], worth[pairs.left], 0) + np.where(telling[pairs.left], worth[pairs.right], 0)
    return replace(pairs, weight=pairs.weight + raised.astype(np.float32))


def _untied(telling: Flags, pairs: WeighedPairs) -> NDArray[np.bool_]:
    """Which records have no pair that speaks for one person with a record that is not bare."""
    untied = np.ones(len(telling), dtype=np.bool_)
    speaks = pairs.above(0.0)
    untied[pairs.left[speaks & telling[pairs.right]]] = False
    untied[pairs.right[speaks & telling[pairs.left]]] = False
    return untied
