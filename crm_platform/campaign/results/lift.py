"""What a treatment changed: the difference of means between two groups with its interval, by Wald.

Here: the arithmetic, on sums. Not here: who belongs to which group (`member_outcome.sql`).
"""

from statistics import NormalDist

import polars as pl

SUMS = ("number", "total", "total_of_squares")


def lift(groups: pl.DataFrame, confidence: float) -> pl.DataFrame:
    """The lift of each row, added as treated_mean, control_mean, lift, lift_low, lift_high, p_value and incremental.

    groups: for treated and control each the columns number, total and total_of_squares of the outcome, as in
    `treated_total`. The variance is that of the sample within each group. Empty where a group has nobody; without an
    interval where it has one. Source: Wald's interval for the difference of two means.
    """
    places = NormalDist().inv_cdf(0.5 + confidence / 2)
    means = groups.with_columns(
        (pl.col(f"{group}_total") / pl.col(f"{group}_number")).alias(f"{group}_mean")
        for group in ("treated", "control")
    )
    variance = _variance_of_mean("treated") + _variance_of_mean("control")
    known = pl.all_horizontal(pl.col(f"{group}_number") > 0 for group in ("treated", "control"))
    judged = means.with_columns(
        lift=pl.when(known).then(pl.col("treated_mean") - pl.col("control_mean")),
        standard_error=pl.when(known).then(variance.sqrt()),
    )
    z_score = (pl.col("lift") / pl.col("standard_error")).abs()
    return judged.with_columns(
        lift_low=pl.col("lift") - places * pl.col("standard_error"),
        lift_high=pl.col("lift") + places * pl.col("standard_error"),
        p_value=z_score.map_elements(_two_sided, return_dtype=pl.Float64).fill_nan(1.0),
        incremental=pl.col("lift") * pl.col("treated_number"),
        treated_mean=pl.when(pl.col("treated_number") > 0).then("treated_mean"),
        control_mean=pl.when(pl.col("control_number") > 0).then("control_mean"),
    ).drop("standard_error")


def _variance_of_mean(group: str) -> pl.Expr:
    number, mean = pl.col(f"{group}_number"), pl.col(f"{group}_mean")
    spread = pl.col(f"{group}_total_of_squares") / number - mean * mean
    return pl.when(number > 1).then(spread.clip(0) / (number - 1))


def _two_sided(z_score: float) -> float:
    return 2 * (1 - NormalDist().cdf(z_score)) if z_score == z_score else 1.0  # NaN: no difference and no spread


def sums_of(values: pl.Series, group: str) -> pl.DataFrame:
    """The columns that `lift` needs of a group, of these values."""
    numbers = values.cast(pl.Float64)
    return pl.DataFrame(
        {
            f"{group}_number": [numbers.len()],
            f"{group}_total": [numbers.sum()],
            f"{group}_total_of_squares": [(numbers * numbers).sum()],
        }
    )
