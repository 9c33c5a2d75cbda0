"""How good predicted probabilities are: ranking, error, calibration, totals, by groups of customers.

Here: figures of predictions against what came. Not here: deciding between two models (`succession.py`).
"""

from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from crm_platform.value.purchase_models.histories import Floats

BINS = 10


@dataclass(frozen=True)
class Metrics:
    """Of predictions and outcomes of the same customers.

    auc: chance that one who left was given more than one who stayed, None where nobody or everybody left; brier and
    log_loss; ece: expected calibration error on ten bins of equal numbers; top_decile_lift: share who left in the
    tenth with the highest chance, by that of all; total_error: predicted leavers by actual ones, less one.
    """

    customers: int
    left_share: float
    predicted_share: float
    auc: float | None
    brier: float
    log_loss: float
    ece: float
    top_decile_lift: float | None
    total_error: float | None

    def rounded(self) -> dict[str, float | int | None]:
        """For a person or a program to read: four digits."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def measure(probabilities: Floats, has_left: Floats) -> Metrics:
    """All figures; at least one customer."""
    left = float(has_left.mean())
    return Metrics(
        customers=len(has_left),
        left_share=left,
        predicted_share=float(probabilities.mean()),
        auc=area_under_curve(probabilities, has_left),
        brier=float(np.mean((probabilities - has_left) ** 2)),
        log_loss=log_loss(probabilities, has_left),
        ece=calibration_error(probabilities, has_left),
        top_decile_lift=_top_lift(probabilities, has_left) if left else None,
        total_error=float(probabilities.sum() / has_left.sum() - 1.0) if left else None,
    )


def area_under_curve(probabilities: Floats, has_left: Floats, weights: Floats | None = None) -> float | None:
    """Area under the ROC curve, ties counted half; None where one of the two kinds has no weight."""
    _, place = np.unique(probabilities, return_inverse=True)
    return _area(place, has_left, np.ones(len(has_left)) if weights is None else weights)


def log_loss(probabilities: Floats, has_left: Floats) -> float:
    """Mean negative log-likelihood."""
    kept = np.clip(probabilities, 1e-15, 1.0 - 1e-15)
    return float(-np.mean(has_left * np.log(kept) + (1.0 - has_left) * np.log1p(-kept)))


def calibration_error(probabilities: Floats, has_left: Floats) -> float:
    """Mean distance of what was predicted from what came, over ten bins of equal numbers of customers."""
    bins = np.array_split(np.argsort(probabilities, kind="stable"), BINS)
    gaps = [len(rows) * abs(probabilities[rows].mean() - has_left[rows].mean()) for rows in bins if len(rows)]
    return float(sum(gaps) / len(has_left))


def calibration_table(probabilities: Floats, has_left: Floats) -> pl.DataFrame:
    """decile (1 the lowest), customers, predicted_share, left_share: what a calibration plot shows."""
    bins = np.array_split(np.argsort(probabilities, kind="stable"), BINS)
    return pl.DataFrame(
        [
            {"decile": number, "customers": len(rows), "predicted_share": float(probabilities[rows].mean()),
             "left_share": float(has_left[rows].mean())}
            for number, rows in enumerate(bins, start=1) if len(rows)
        ]
    )  # fmt: skip


def deciles_of(probabilities: Floats) -> pl.Series:
    """The tenth of each customer by the chance, 01 the lowest to 10, of equal numbers, named `decile`."""
    place = np.empty(len(probabilities), dtype=np.int64)
    for number, rows in enumerate(np.array_split(np.argsort(probabilities, kind="stable"), BINS), start=1):
        place[rows] = number
    return pl.Series("decile", place).cast(pl.String).str.zfill(2)


def measure_groups(probabilities: Floats, has_left: Floats, groups: pl.Series) -> dict[str, Metrics]:
    """The figures of each group of customers: a model good on average may be bad for one of them."""
    names = groups.cast(pl.String).fill_null("unknown").to_numpy()
    return {str(name): measure(probabilities[names == name], has_left[names == name]) for name in np.unique(names)}


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def paired_auc_difference(ours: Floats, theirs: Floats, has_left: Floats, seed: int, draws: int = 500) -> Interval:
    """AUC of ours less that of theirs, both on the same customers drawn with replacement.

    Raises ValueError: nobody left, or everybody.
    """
    ranks = [np.unique(each, return_inverse=True)[1] for each in (ours, theirs)]
    count = len(has_left)
    generator = np.random.default_rng(seed)

    def difference(weights: Floats) -> float:
        areas = [_area(rank, has_left, weights) for rank in ranks]
        if areas[0] is None or areas[1] is None:
            raise ValueError("There is no AUC where nobody left, or everybody.")
        return areas[0] - areas[1]

    value = difference(np.ones(count))
    drawn = [np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(draws)]
    found = [difference(weights.astype(np.float64)) for weights in drawn if 0 < weights @ has_left < count]
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(value, float(low), float(high))


def _area(rank: np.ndarray[tuple[int, ...], np.dtype[np.int64]], has_left: Floats, weights: Floats) -> float | None:
    """AUC of values given by their rank (0 the lowest, ties alike)."""
    left = np.bincount(rank, weights * has_left)
    stayed = np.bincount(rank, weights * (1.0 - has_left))
    pairs = left.sum() * stayed.sum()
    if not pairs:
        return None
    return float(left @ (np.cumsum(stayed) - stayed / 2.0) / pairs)


def _top_lift(probabilities: Floats, has_left: Floats) -> float:
    number = max(len(has_left) // BINS, 1)
    top = np.argsort(-probabilities, kind="stable")[:number]
    return float(has_left[top].mean() / has_left.mean())
