"""Splink by itself on a file of people: its own comparisons, blocking, training, prediction and connected components.

Here: the settings that its documentation recommends for the columns at hand, chosen once for all files. Not here: ours.
"""

import logging
import warnings
from pathlib import Path

import duckdb
import polars as pl
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

THRESHOLDS = (0.5, 0.95, 0.999)
RULES = (
    ("national_id",), ("email",), ("phone",), ("first_name", "last_name"), ("last_name", "date_of_birth"),
    ("first_name", "date_of_birth"), ("postcode", "last_name"), ("postcode", "first_name"), ("address_line",),
)  # fmt: skip
# Where names alone would give hundreds of pairs for each record.
LARGE_FILE = 200_000


def splink_clusters(people: pl.DataFrame) -> dict[float, pl.DataFrame]:
    """Per threshold of probability: record_id, cluster_id of Splink's connected components."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    rules = [rule for rule in RULES if people.height <= LARGE_FILE or rule != ("first_name", "last_name")]
    full = {name for name in people.columns if people[name].null_count() < 0.99 * people.height}
    api = DuckDBAPI(duckdb.connect())
    records = api.register(people.select("record_id", *sorted(full - {"record_id"})).to_arrow())
    linker = Linker(
        records,
        SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="record_id",
            comparisons=_comparisons(full),
            blocking_rules_to_generate_predictions=[block_on(*rule) for rule in rules if set(rule) <= full],
            retain_matching_columns=False,
        ),
    )
    strict = [block_on(*rule) for rule in rules if set(rule) <= full and (len(rule) > 1 or rule[0] == "national_id")]
    linker.training.estimate_probability_two_random_records_match(strict, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    # Small blocks: training on those of common names takes minutes at a million records and learns no more.
    trainings = [("email",), ("last_name", "date_of_birth"), ("phone",), ("postcode", "last_name"), ("national_id",)]
    for rule in [rule for rule in trainings if set(rule) <= full][:3]:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*rule))
    edges = linker.inference.predict(threshold_match_probability=THRESHOLDS[0])
    return {
        threshold: pl.from_arrow(
            linker.clustering.cluster_pairwise_predictions_at_threshold(edges, threshold_match_probability=threshold)
            .as_duckdbpyrelation().select("record_id, cluster_id").to_arrow_table()
        )
        for threshold in THRESHOLDS
    }  # fmt: skip


def _comparisons(full: set[str]) -> list[object]:
    """Comparisons for the columns that are there, with term frequencies; no town where there is a postcode."""
    found: list[object] = []
    for name in sorted(full & {"first_name", "last_name"}):
        found.append(cl.JaroWinklerAtThresholds(name, [0.92, 0.8]).configure(term_frequency_adjustments=True))
    for name in sorted(full & {"date_of_birth", "email", "phone", "national_id"}):
        found.append(cl.DamerauLevenshteinAtThresholds(name, [1]).configure(term_frequency_adjustments=True))
    if "address_line" in full:
        found.append(cl.JaroWinklerAtThresholds("address_line", [0.9]).configure(term_frequency_adjustments=True))
    exact = {"postcode", "occupation", "place_of_birth"} | ({"city"} if "postcode" not in full else set())
    for name in sorted(full & exact):
        found.append(cl.ExactMatch(name).configure(term_frequency_adjustments=True))
    return found


def write_splink_clusters(people: Path, folder: Path) -> None:
    """Write `<threshold>.parquet` for each threshold."""
    for threshold, clusters in splink_clusters(pl.read_parquet(people)).items():
        clusters.write_parquet(folder / f"{threshold}.parquet")
