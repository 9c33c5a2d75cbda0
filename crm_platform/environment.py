"""The environment's say: where home and configuration are. Read by the command line and the composition root only.

`CRM_HOME` (default `./data`), `CRM_CONFIG` (default `./config`, else the one beside the package), `CRM_MEMORY`
(default 800MB, of the engine), `CRM_THREADS` (default: the machine's cores), `CRM_HASH_KEY` (the secret of hashed
addresses; default: none is kept) and `CRM_TRACKING_KEYS` (`id:key,id:key`, the first signs; default: the file
`tracking.keys` of the home, which `crm demo` lays down).
"""

import os
from collections.abc import Mapping
from pathlib import Path

from crm_platform.campaign.tracking.signatures import Keyring, read_keys
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
    """What the platform may use of the machine, and the key of its hashes (`CRM_HASH_KEY`)."""
    return Tuning(
        memory_limit=environment.get("CRM_MEMORY", Tuning.memory_limit),
        threads=int(environment.get("CRM_THREADS") or os.cpu_count() or Tuning.threads),
        hash_key=environment.get("CRM_HASH_KEY", Tuning.hash_key),
    )


def tracking_keys_from(environment: Mapping[str, str] = os.environ, home: Home | None = None) -> Keyring | None:
    """The keys of opaque identifiers, those of a home (by default the environment's); None where there are none.

    Raises:
        KeyringError: what is there is no key.
    """
    if text := environment.get("CRM_TRACKING_KEYS"):
        return read_keys(text)
    kept = (home or home_from(environment)).tracking_keys
    return read_keys(kept.read_text(encoding="utf-8")) if kept.exists() else None
