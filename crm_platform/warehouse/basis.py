"""What a step's tables were made of, by which a later run tells whether they still stand.

They stand while every file that the step looked at, read or written, is the one it left, while configuration and code
are those it was made by, and until a moment comes to pass that its tables hold as yet to come, at the latest until the
day (UTC) is over. Here: taking that down and asking it again. Not here: what a step is, nor where it is kept
(`assets/basis.py`).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, literal, parquet_relation, quoted
from crm_platform.warehouse.lake import Lake

LIBRARIES = ("dagster", "duckdb", "phonenumbers", "polars", "pyarrow", "scikit-learn", "scipy", "tzdata")
"""Those whose next version may make other rows of the same, or report them otherwise."""
_TICK = timedelta(microseconds=1)
PACKAGES = ("assets", "crm_platform", "resources")


@dataclass(frozen=True)
class Basis:
    """What a step's tables were made of.

    made_dt and holds_until (not included) are UTC. settings: a digest of all that is neither file nor clock. files: per
    table, and per folder, a digest that changes when one of its files is replaced, added or taken away.
    """

    made_dt: datetime
    holds_until: datetime
    settings: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Surroundings:
    """What there is beside the tables that a step looks at.

    settings: see `Basis`. folders: those that the step reads or writes besides the lake. foreign: by staging table, the
    feeds that the step does not hang on: unless it looks at their tables, the parts of them that records of the ingest
    are cut into are not looked at either.
    """

    settings: str
    foreign: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[Path] = ()


def basis_of(engine: Engine, around: Surroundings, now: datetime) -> Basis:
    """What the step that has used this engine made its tables of."""
    looked_at = [engine.contracts[name] for name in sorted(engine.lake.looked_at) if name in engine.contracts]
    return Basis(now, _holds_until(engine, looked_at, now), around.settings, _files(engine.lake, looked_at, around))


def still_holds(engine: Engine, basis: Basis, around: Surroundings, now: datetime) -> bool:
    """Whether a step that was run again now would make what it has made."""
    if basis.settings != around.settings or not basis.made_dt <= now < basis.holds_until:
        return False
    names = basis.files.keys() - {str(folder) for folder in around.folders}
    if not names <= engine.contracts.keys():
        return False
    return _files(engine.lake, [engine.contracts[name] for name in sorted(names)], around) == basis.files


def settings_digest(config_folder: Path, secrets: str = "") -> str:
    """A digest of configuration, code and libraries, and of secrets, which cannot be told from it."""
    told = [path.read_bytes() for path in sorted(config_folder.rglob("*")) if path.is_file()]
    digest = hashlib.sha256(_code_digest().encode())
    for text in (*told, hashlib.scrypt(secrets.encode(), salt=b"basis", n=2**12, r=8, p=1) if secrets else b""):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


@cache
def _code_digest() -> str:
    """Once per process: what it has imported stays as it is while it runs."""
    root = Path(__file__).parents[2]
    files = (path for name in PACKAGES for path in (root / name).rglob("*"))
    code = [path for path in files if path.is_file() and "__pycache__" not in path.parts]
    versions = " ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{_state(code, root)} {versions}"


def _files(lake: Lake, contracts: Sequence[Contract], around: Surroundings) -> dict[str, str]:
    looked_at = {contract.name for contract in contracts}
    foreign = {feed for table, feed in around.foreign.items() if table not in looked_at}
    tables = {contract.name: _state(_files_but(lake, contract, foreign), lake.root) for contract in contracts}
    beside = {
        str(folder): _state([path for path in folder.rglob("*") if path.is_file()], folder) for folder in around.folders
    }
    return tables | beside


def _files_but(lake: Lake, contract: Contract, foreign: Collection[str]) -> list[Path]:
    """The files of a table, but for the parts of feeds that the step does not look at: what arrives in them is no
    news to it."""
    files = lake.data_files(contract)
    keys = lake.partition_keys(contract) or [""] * len(files)
    return [path for path, key in zip(files, keys, strict=True) if key not in foreign]


def _state(files: Iterable[Path], root: Path) -> str:
    """A digest that changes when one of these files is replaced, added or taken away; none of them is opened."""
    stats = ((path, path.stat()) for path in sorted(files))
    listed = (f"{path.relative_to(root)} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}" for path, stat in stats)
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()


def _holds_until(engine: Engine, contracts: Iterable[Contract], now: datetime) -> datetime:
    """The first moment after now, of those that the tables hold, or the end of the day: what is counted by days, or
    was said of a day, changes then."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)
    moments = [_first_between(engine, contract, now, midnight) for contract in contracts]
    return min((moment for moment in moments if moment is not None), default=midnight)


def _first_between(engine: Engine, contract: Contract, after: datetime, before: datetime) -> datetime | None:
    columns = [column.name for column in contract.columns if column.duckdb_type.startswith("TIMESTAMP")]
    reaching = [path for path in engine.lake.data_files(contract) if columns and _may_reach(path, columns, after)]
    if not reaching:
        return None
    between = f"BETWEEN {literal(after + _TICK)} AND {literal(before - _TICK)}"
    firsts = ", ".join(f"min({name}) FILTER ({name} {between})" for name in map(quoted, columns))
    first: datetime | None = engine.scalar(f"SELECT least({firsts}) FROM {parquet_relation(reaching)}")
    return first


def _may_reach(path: Path, columns: Sequence[str], after: datetime) -> bool:
    """Whether a file holds something later than a moment, as its footer says: few do, and only those are read."""
    footer = pq.read_metadata(path)
    places = [place for place, name in enumerate(footer.schema.names) if name in columns]
    chunks = (footer.row_group(group).column(place) for group in range(footer.num_row_groups) for place in places)
    return any(chunk.statistics is None or _exceeds(chunk.statistics, after) for chunk in chunks)


def _exceeds(statistics: pq.Statistics, after: datetime) -> bool:
    return bool(statistics.max > after) if statistics.has_min_max else statistics.num_values > 0
