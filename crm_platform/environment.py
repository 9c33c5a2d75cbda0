"""The environment's say: where home and configuration are. Read by the command line and the composition root only.

`CRM_HOME` (default `./data`), `CRM_CONFIG` (default `./config`, else the one beside the package), `CRM_MEMORY`
(default 1GB, of the engine) and `CRM_THREADS` (default: the machine's cores).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from crm_platform.settings import REPOSITORY, Home, Tuning


def home_from(environment: Mapping[str, str] = os.environ) -> Home:
    """The platform's home."""
    return Home(Path(environment.get("CRM_HOME") or "data").absolute())


def config_from(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the configuration."""
    if declared := environment.get("CRM_CONFIG"):
        return Path(declared).absolute()
    here = Path("config")
    return here.absolute() if (here / "sources").is_dir() else REPOSITORY / "config"


def tuning_from(environment: Mapping[str, str] = os.environ) -> Tuning:
    """What the platform may use of the machine."""
    return Tuning(
        memory_limit=environment.get("CRM_MEMORY", Tuning.memory_limit),
        threads=int(environment.get("CRM_THREADS") or os.cpu_count() or Tuning.threads),
    )
