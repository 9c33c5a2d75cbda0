"""What the landing sensor decides: which feeds to load now, given what lies in the landing folder and what it asked
for before.

Pure: no clock, no Dagster. A file is asked for when two looks in a row, or a quiet time, show it unchanged. A request
that did not make its files go away (the run failed) is made again, later and later.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

FIRST_RETRY_SECONDS = 60.0
LAST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True)
class Sight:
    """A file as a look saw it: its name below the landing folder, its size and the time of its change (seconds)."""

    name: str
    size: int
    changed: float


@dataclass(frozen=True)
class Memory:
    """What the sensor remembers between two looks: files seen, and per batch of files how often it was asked for and
    when last (seconds)."""

    seen: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    asked: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    def dumped(self) -> str:
        """The memory as a cursor."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class LoadRequest:
    """Feeds to load, and a key under which this very request is launched once."""

    feeds: tuple[str, ...]
    key: str
    number_of_files: int


def memory_from(cursor: str | None) -> Memory:
    """The memory in a cursor; an unreadable or older cursor is an empty memory, which at worst asks once more."""
    try:
        content = json.loads(cursor or "{}")
        seen = {name: (int(size), float(changed)) for name, (size, changed) in content.get("seen", {}).items()}
        asked = {key: (int(times), float(last)) for key, (times, last) in content.get("asked", {}).items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Memory()
    return Memory(seen, asked)


def next_request(
    landed: Mapping[str, Sequence[Sight]], memory: Memory, now: float, quiet_seconds: float
) -> tuple[LoadRequest | None, Memory]:
    """Decide on a look: `landed` holds the files per feed, `now` is in seconds as `Sight.changed` is."""
    settled = {
        feed: files
        for feed, sights in landed.items()
        if (files := [sight for sight in sights if _is_settled(sight, memory, now, quiet_seconds)])
    }
    seen = {sight.name: (sight.size, sight.changed) for sights in landed.values() for sight in sights}
    if not settled:
        return None, Memory(seen, {})
    batch = _digest(settled)
    times, last = memory.asked.get(batch, (0, 0.0))
    if times and now - last < _retry_seconds(times):
        return None, Memory(seen, {batch: (times, last)})
    number_of_files = sum(len(files) for files in settled.values())
    request = LoadRequest(tuple(sorted(settled)), f"{batch}-{times + 1}", number_of_files)
    return request, Memory(seen, {batch: (times + 1, now)})


def _is_settled(sight: Sight, memory: Memory, now: float, quiet_seconds: float) -> bool:
    return now - sight.changed >= quiet_seconds or memory.seen.get(sight.name) == (sight.size, sight.changed)


def _digest(settled: Mapping[str, Sequence[Sight]]) -> str:
    content = sorted(
        (feed, sight.name, sight.size, sight.changed) for feed, files in settled.items() for sight in files
    )
    return hashlib.sha256(repr(content).encode()).hexdigest()[:24]


def _retry_seconds(times: int) -> float:
    # The exponent is bounded, or a file that fails for weeks would make the power overflow.
    return min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(times - 1, 30))
