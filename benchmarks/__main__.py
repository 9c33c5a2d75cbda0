"""Runs the benchmarks: `python -m benchmarks` all of them, `python -m benchmarks readers [megabytes]` one.

A new benchmark is a module with a `main` and one line here. Ends with exit code 1 when a goal is missed.
"""

import sys
from collections.abc import Callable, Sequence

from benchmarks import (
    audit,
    bounces,
    campaign,
    churn,
    events,
    identity,
    loyalty,
    matching,
    permission,
    readers,
    refresh,
    value,
)

BENCHMARKS: dict[str, Callable[[Sequence[str]], bool]] = {
    "readers": readers.main,
    "audit": audit.main,
    "refresh": refresh.main,
    "matching": matching.main,
    "identity": identity.main,
    "permission": permission.main,
    "loyalty": loyalty.main,
    "bounces": bounces.main,
    "events": events.main,
    "campaign": campaign.main,
    "value": value.main,
    "churn": churn.main,
}
"""Each takes its arguments, prints its table, and tells whether it met its goals."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark named first, or all; the exit code."""
    if not arguments:
        goals_met = [run([]) for run in BENCHMARKS.values()]
        return 0 if all(goals_met) else 1
    name, *rest = arguments
    if name not in BENCHMARKS:
        print(f"no benchmark is called {name!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    return 0 if BENCHMARKS[name](rest) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
