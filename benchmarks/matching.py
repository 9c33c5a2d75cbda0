"""Matching people: quality, time and memory per set, beside Splink's own components in the same call.

`python -m benchmarks matching [set ...]`; sets: febrl3, febrl4, fake_1000, historical_50k, crm_20k, a number
such as 1000000 for so many synthetic records, and 12,000 made-up persons each of germans, australians and census, with
`_coarse` of few towns and streets; `increment_1000000` for a day's records on so many (`matching_increment.py`). The
sets lie in `people/` of the folder `CRM_EVAL_DATA` (default
`../shared/data`); those that are missing are skipped, and said to be. Ours is the whole of `crm match`, reading and
writing included; truth is read by the figures alone.
"""

import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks import matching_increment as increment
from benchmarks.synthetic_kinds import KINDS

GOALS = {
    "febrl3": (0.998, 0.9993),
    "febrl4": (0.9995, 0.9997),
    "fake_1000": (0.93, 0.95),
    "historical_50k": (0.86, 0.88),
    "crm_20k": (0.955, 0.975),
}
SYNTHETIC_GOAL = (0.93, 0.97)
KIND_GOAL = (0.9, 0.95)
KIND_PERSONS = 12_000
COARSE = "_coarse"
LARGEST_GOAL = 1.5
TIME_GOAL = 2.0
MEMORY_GOAL = 2_000
KIND_SETS = tuple(f"{kind}{form}" for kind in KINDS for form in ("", COARSE))
SYNTHETIC = ("10000", "100000", "1000000", f"{increment.PREFIX}1000000")
CONSOLE = Console(width=150)


@dataclass(frozen=True)
class Quality:
    """Pairwise and B-cubed F1 over all true pairs, and the sizes of the largest cluster and the largest person."""

    pairs: float
    b_cubed: float
    largest: int
    largest_true: int


@dataclass(frozen=True)
class Measured:
    """Seconds, peak memory of the process in MB, and the clusters' files."""

    seconds: float
    megabytes: float


def main(arguments: Sequence[str]) -> bool:
    """Run the sets named, or all; whether every goal was reached."""
    data = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "people"
    table = Table(
        "set", "records", "matching", "pairwise F1", "B-cubed F1", "largest / true", "seconds", "peak MB", "goal",
        title="Matching people, one default for all sets",
    )  # fmt: skip
    reached = []
    for name in arguments or (*GOALS, *KIND_SETS, *SYNTHETIC):
        is_made = name.isdigit() or name in KIND_SETS or name.startswith(increment.PREFIX)
        if not is_made and not (data / name / "truth.csv").exists():
            table.add_row(name, "", "skipped", "", "", "", "", "", f"no {data / name}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = _run_increment if name.startswith(increment.PREFIX) else _run
            reached.append(run(name, data, Path(folder), table))
    CONSOLE.print(table)
    return all(reached)


def _run(name: str, data: Path, folder: Path, table: Table) -> bool:
    people, truth = _set(name, data)
    file = folder / "people.parquet"
    people.write_parquet(file)
    records = people.height
    del people
    ours = _measured(_match, file, folder)
    quality = quality_of(truth, pl.read_parquet(folder / "ours.parquet"), "customer_key")
    peer = _measured(_splink, file, folder)
    goal, is_reached = _goal(name, quality, ours, peer)
    table.add_row(name, f"{records:,}", "ours", *_cells(quality, ours), goal)
    for threshold in sorted(folder.glob("0.*.parquet")):
        measured = quality_of(truth, pl.read_parquet(threshold), "cluster_id")
        table.add_row("", "", f"Splink, components at {threshold.stem}", *_cells(measured, peer), "")
    return is_reached


def _run_increment(name: str, _: Path, folder: Path, table: Table) -> bool:
    number = int(name.removeprefix(increment.PREFIX))
    people = increment.write_people(number, folder)
    _measured(increment.match_those_before, people, folder)
    day = _measured(increment.match_a_day, people, folder)
    is_equal = increment.is_that_of_a_full_run(people, folder)
    is_reached = is_equal and day.seconds <= increment.GOAL_SECONDS
    table.add_row(
        name, f"{number:,}", f"{increment.NEW_RECORDS:,} new ones, keys included",
        "as a full run" if is_equal else "not as a full run", "", "", f"{day.seconds:.1f}", f"{day.megabytes:,.0f}",
        f"{increment.GOAL_SECONDS:.0f} s {'reached' if is_reached else 'missed'}",
    )  # fmt: skip
    return is_reached


def _set(name: str, data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    if name.isdigit():
        from benchmarks.synthetic_people import synthetic_people

        return synthetic_people(int(name))
    if name in KIND_SETS:
        return KINDS[name.removesuffix(COARSE)](KIND_PERSONS, 1, name.endswith(COARSE))
    people, truth = (pl.read_csv(data / name / file, infer_schema=False) for file in ("people.csv", "truth.csv"))
    return people, truth


def _goal(name: str, quality: Quality, ours: Measured, peer: Measured) -> tuple[str, bool]:
    pairs, b_cubed = SYNTHETIC_GOAL if name.isdigit() else GOALS.get(name, KIND_GOAL)
    missed = []
    if quality.pairs < pairs or quality.b_cubed < b_cubed:
        missed.append(f"quality {pairs} / {b_cubed}")
    if name not in GOALS:
        if quality.largest > LARGEST_GOAL * quality.largest_true:
            missed.append(f"largest cluster within {LARGEST_GOAL} times")
        if name.isdigit() and int(name) >= 1_000_000 and ours.seconds > TIME_GOAL * peer.seconds:
            missed.append(f"{TIME_GOAL:.0f} times the time of Splink")
        if ours.megabytes > MEMORY_GOAL:
            missed.append(f"{MEMORY_GOAL:,} MB")
    return (f"missed: {', '.join(missed)}", False) if missed else (f"{pairs} / {b_cubed} reached", True)


def _cells(quality: Quality, measured: Measured) -> tuple[str, ...]:
    return (
        f"{quality.pairs:.4f}", f"{quality.b_cubed:.4f}", f"{quality.largest} / {quality.largest_true}",
        f"{measured.seconds:.1f}", f"{measured.megabytes:,.0f}",
    )  # fmt: skip


def quality_of(truth: pl.DataFrame, clusters: pl.DataFrame, key: str) -> Quality:
    """How well clusters (record_id, key) agree with truth (record_id, person_id), over every record of the truth."""
    labelled = truth.join(clusters.with_columns(pl.col("record_id").cast(pl.String)), on="record_id")
    if labelled.height != truth.height:
        raise ValueError(f"{truth.height - labelled.height} records of the truth have no cluster.")
    both = labelled.group_by("person_id", key).agg(pl.len().cast(pl.Float64).alias("both"))
    both = both.with_columns(person=pl.col("both").sum().over("person_id"), cluster=pl.col("both").sum().over(key))
    persons, found = (
        both.group_by("person_id").agg(size=pl.col("both").sum()),
        both.group_by(key).agg(size=pl.col("both").sum()),
    )
    right, true, made = (
        float((sizes * (sizes - 1) / 2).sum()) for sizes in (both["both"], persons["size"], found["size"])
    )
    precision = float((both["both"] ** 2 / both["cluster"]).sum()) / labelled.height
    recall = float((both["both"] ** 2 / both["person"]).sum()) / labelled.height
    return Quality(
        2 * right / (true + made) if true + made else 1.0,
        2 * precision * recall / (precision + recall),
        int(found["size"].max() or 0),  # type: ignore[arg-type]
        int(persons["size"].max() or 0),  # type: ignore[arg-type]
    )


def _match(people: Path, folder: Path) -> None:
    from crm_platform.cli.match import match

    match(people, folder / "ours.parquet")


def _splink(people: Path, folder: Path) -> None:
    from benchmarks.splink_peer import write_splink_clusters

    write_splink_clusters(people, folder)


def _measured(work: Callable[[Path, Path], None], people: Path, folder: Path) -> Measured:
    """Run in a process of its own, so that the memory is its own; imports do not count, for neither."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(work, people, folder, sender))
    process.start()
    sender.close()
    try:
        seconds, kilobytes = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{work.__name__.strip('_')} failed on {people}.") from None
    finally:
        process.join()
    return Measured(seconds, kilobytes / 1024)


def _report(work: Callable[[Path, Path], None], people: Path, folder: Path, sender: object) -> None:
    import crm_platform.cli.match
    import crm_platform.scv.match.engine  # noqa: F401

    started = perf_counter()
    with open(os.devnull, "w") as silence:  # noqa: PTH123
        os.dup2(silence.fileno(), 1)
        work(people, folder)
    sender.send((perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))  # type: ignore[attr-defined]
