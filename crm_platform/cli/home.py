"""The home as a command finds or makes it.

Here: who may enter it. Not here: what lies in it (`crm_platform/settings.py`) and Dagster's part of it (`storage.py`).
"""

from crm_platform.settings import Home


def prepare_home(home: Home) -> None:
    """Make the home where there is none: customers' data lie in it, so that at first only its owner may enter.

    Whoever opens it to others has said so: an existing folder keeps its rights.
    """
    if not home.root.exists():
        home.root.parent.mkdir(parents=True, exist_ok=True)
        home.root.mkdir(mode=0o700, exist_ok=True)
