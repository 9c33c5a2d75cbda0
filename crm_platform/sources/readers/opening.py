"""What every opener is given: one content, the form declared for it, the limits, and where it may put a copy.

Openers stand in the module of their form and are listed in `registry.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_platform.sources.readers.archive import Content
from crm_platform.sources.readers.batch import FileForm, ReadFile, ReadLimits


@dataclass(frozen=True)
class Request:
    """A content to open; `expected_columns` are the source columns the mapping mentions."""

    content: Content
    form: FileForm
    workspace: Path
    limits: ReadLimits
    expected_columns: Sequence[str]


Opener = Callable[[Request], ReadFile]
