"""Bounce mails: what is found in them, beside flufl.bounce, with speed and memory.

`python -m benchmarks bounces [dev|rest]`. The mails lie in `bounces/` of the folder `CRM_EVAL_DATA` (default
`../shared/data`); where they are missing it is skipped, and said so. The mails are halved by a digest of the file's
name: rules were first written on `dev` alone (docs/bounces.md tells what `rest` gave then); today both have been read,
so that only mails from elsewhere can tell how the rules generalise. The truth is read by the figures alone. A recipient
counts as found where the same address is reported of the same file.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

GOALS = {"found": 0.97, "precision": 0.95, "recall": 0.95, "reason": 0.90}
MAILS_A_SECOND = 640
NO_BOUNCE = ("feedback", "vacation", "delivered")
ROUNDS = 5
FOLDERS = ("bsd", "dos", "mac", "err", "tmp")


@dataclass(frozen=True)
class Found:
    """What a parser says of a recipient; None where it does not say."""

    reason: str | None
    is_invalid: bool


Parser = Callable[[bytes], dict[str, Found]]


@dataclass
class Figures:
    """Counts over the recipients of bounces: all, found, right reasons, and of `address invalid` the right, the wrong
    and the missed."""

    recipients: int = 0
    found: int = 0
    right_reasons: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0

    def shares(self) -> dict[str, float]:
        """The figures of the goals."""
        return {
            "found": self.found / max(self.recipients, 1),
            "precision": self.right / max(self.right + self.wrong, 1),
            "recall": self.right / max(self.right + self.missed, 1),
            "reason": self.right_reasons / max(self.found, 1),
        }


def main(arguments: Sequence[str]) -> bool:
    """Measure a half, or both and the whole; whether every goal was reached on the whole."""
    folder = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "bounces"
    if not (folder / "truth.jsonl").exists():
        Console().print(f"bounces: skipped, for there is no {folder / 'truth.jsonl'}")
        return True
    table = Table(
        "mails", "parser", "recipients", "found", "invalid: precision", "recall", "reason", "mails/s", "peak MB",
        title="Bounced recipients",
    )  # fmt: skip
    has_peer = find_spec("flufl") is not None
    costs = {name: _measured(name) for name in ("ours", *(["flufl"] if has_peer else []))}
    reached = costs["ours"][0] >= MAILS_A_SECOND
    for half in arguments or ("dev", "rest", "all"):
        truth = truth_of(folder, half)
        shares = figures(folder, truth, ours).shares()
        reached = reached and all(shares[name] >= goal for name, goal in GOALS.items())
        table.add_row(half, "ours", str(_recipients(truth)), *_cells(shares), *_costs(costs["ours"]))
        if has_peer:
            peer = figures(folder, truth, flufl).shares()
            table.add_row("", "flufl.bounce", "", *_cells(peer)[:3], "gives none", *_costs(costs["flufl"]))
        else:
            table.add_row("", "flufl.bounce", "is not installed")
    table.add_row("goal", "", "", *_cells(GOALS), f"{MAILS_A_SECOND:,}", "")
    console = Console(width=140)
    console.print(table)
    for name, (right, of) in kinds(folder).items():
        console.print(f"{name}: {right} of {of}")
        reached = reached and right == of
    return reached


def truth_of(folder: Path, half: str) -> list[dict[str, Any]]:
    """The lines of the truth for a half of the files (`dev`, `rest`) or for `all`."""
    lines = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if half == "all" or _half(line["file"]) == half]


def figures(folder: Path, truth: Iterable[dict[str, Any]], parser: Parser) -> Figures:
    """Compare a parser with the truth, recipient by recipient."""
    counted = Figures()
    for line in truth:
        reports = parser((folder / line["file"]).read_bytes())
        for record in line["records"]:
            if record["reason"] not in NO_BOUNCE:
                _count(counted, record, reports.get(record["recipient"].lower()))
    return counted


def kinds(folder: Path) -> dict[str, tuple[int, int]]:
    """How many feedback reports are known as such, mails that are no bounces as none, and mails read the same with
    other line ends."""
    from crm_platform.campaign.mail.parse import parse_message

    feedback = [
        line["file"] for line in truth_of(folder, "all") if any(each["feedbacktype"] for each in line["records"])
    ]
    no_bounces = sorted(str(path.relative_to(folder)) for path in (folder / "not").iterdir())
    everything = sorted(path for name in FOLDERS for path in (folder / name).iterdir())
    known = [file for file in feedback if parse_message((folder / file).read_bytes())[0].feedback_type]
    quiet = [
        file for file in no_bounces
        if all(report.kind != "bounce" for report in parse_message((folder / file).read_bytes()))
    ]  # fmt: skip
    same = [path for path in everything if len({_told(each) for each in line_ends(path.read_bytes())}) == 1]
    return {
        "feedback reports known as such": (len(known), len(feedback)),
        "mails that are no bounces, taken for none": (len(quiet), len(no_bounces)),
        "mails that say the same with LF, CRLF and CR": (len(same), len(everything)),
    }


def line_ends(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """A mail with LF, CRLF and CR."""
    plain = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain, plain.replace(b"\n", b"\r\n"), plain.replace(b"\n", b"\r")


def ours(raw: bytes) -> dict[str, Found]:
    """Our reports of the mails in a file, by recipient."""
    from crm_platform.campaign.mail.parse import parse_message
    from crm_platform.sources.readers.mail_files import mails_in

    reports = (report for mail in mails_in(BytesIO(raw)) for report in parse_message(mail.content))
    return {report.recipient: Found(report.reason, report.address_invalid) for report in reports if report.recipient}


def flufl(raw: bytes) -> dict[str, Found]:
    """flufl.bounce's: its permanent failures are taken for invalid addresses; it gives no reasons."""
    from email import message_from_bytes

    from flufl.bounce import all_failures

    temporary, permanent = all_failures(message_from_bytes(raw))
    found = {_text(each): Found(None, False) for each in temporary}
    return found | {_text(each): Found(None, True) for each in permanent}


def _half(file: str) -> str:
    digest = hashlib.md5(Path(file).name.encode(), usedforsecurity=False).hexdigest()
    return "rest" if int(digest, 16) % 2 else "dev"


def _count(counted: Figures, record: dict[str, Any], found: Found | None) -> None:
    is_invalid, says_so = bool(record["hardbounce"]), found is not None and found.is_invalid
    counted.recipients += 1
    counted.found += found is not None
    counted.right_reasons += found is not None and found.reason == record["reason"]
    counted.right += is_invalid and says_so
    counted.wrong += says_so and not is_invalid
    counted.missed += is_invalid and not says_so


def _recipients(truth: Iterable[dict[str, Any]]) -> int:
    return sum(record["reason"] not in NO_BOUNCE for line in truth for record in line["records"])


def _cells(shares: dict[str, float]) -> tuple[str, ...]:
    return tuple(f"{shares[name]:.1%}" for name in ("found", "precision", "recall", "reason"))


def _costs(measured: tuple[float, float]) -> tuple[str, str]:
    return f"{measured[0]:,.0f}", f"{measured[1]:,.0f}"


def _told(raw: bytes) -> str:
    return repr(sorted(ours(raw).items()))


def _text(address: bytes | str) -> str:
    return (address.decode("utf-8", "replace") if isinstance(address, bytes) else address).lower()


def _measured(parser: str) -> tuple[float, float]:
    """Mails a second on one core and peak memory, in a process of its own that has read every mail before."""
    command = [sys.executable, "-m", "benchmarks.bounces", parser]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[0]), float(printed[1])


def _peak_megabytes() -> float:
    """Of this program alone: what `getrusage` tells also counts the process that started it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run(parser: Parser) -> None:
    folder = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "bounces"
    mails = [path.read_bytes() for name in FOLDERS for path in sorted((folder / name).iterdir())]
    for mail in mails[:20]:
        parser(mail)
    started = perf_counter()
    for _ in range(ROUNDS):
        for mail in mails:
            parser(mail)
    seconds = perf_counter() - started
    print(ROUNDS * len(mails) / seconds, _peak_megabytes())


if __name__ == "__main__":
    _run({"ours": ours, "flufl": flufl}[sys.argv[1]])
