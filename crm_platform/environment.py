"""The environment's say: where home and configuration are. Read by the command line and the composition root only.

`CRM_HOME` (default `./data`), `CRM_CONFIG` (default `./config`, else the one beside the package), `CRM_MEMORY`
(default 800MB, of the engine), `CRM_THREADS` (default: the machine's cores), `CRM_HASH_KEY` (the secret of hashed
addresses; default: none is kept) and `CRM_TRACKING_KEYS` (`id:key,id:key`, the first signs; default: the file
`tracking.keys` of the home, which `crm demo` lays down).
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from crm_platform.campaign.tracking.signatures import Keyring, read_keys
from crm_platform.problem import Problem
from crm_platform.settings import REPOSITORY, Home, Tuning

_SIZE = re.compile(r"\s*\d+(\.\d+)?\s*([KMGT]i?B)\s*", re.IGNORECASE)


class EnvironmentProblem(Problem):
    """A variable of the environment says what cannot be."""


def home_from(environment: Mapping[str, str] = os.environ) -> Home:
    """The platform's home."""
    return Home(Path(environment.get("CRM_HOME") or "data").absolute())


def config_from(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the configuration.

    Raises:
        EnvironmentProblem: the folder that is named is not there.
    """
    if declared := environment.get("CRM_CONFIG"):
        if not Path(declared).is_dir():
            raise EnvironmentProblem(f"CRM_CONFIG={declared}: there is no such folder; it holds sources/*.yaml.")
        return Path(declared).absolute()
    here = Path("config")
    return here.absolute() if (here / "sources").is_dir() else REPOSITORY / "config"


def tuning_from(environment: Mapping[str, str] = os.environ) -> Tuning:
    """What the platform may use of the machine, and the key of its hashes (`CRM_HASH_KEY`).

    Raises:
        EnvironmentProblem: a variable is no size or no number.
    """
    memory_limit = environment.get("CRM_MEMORY") or Tuning.memory_limit
    if not _SIZE.fullmatch(memory_limit):
        raise EnvironmentProblem(f"CRM_MEMORY={memory_limit}: write a size such as 800MB or 4GB.")
    threads = environment.get("CRM_THREADS") or str(os.cpu_count() or Tuning.threads)
    if not (threads.isdecimal() and int(threads)):
        raise EnvironmentProblem(f"CRM_THREADS={threads}: write a whole number from 1 on.")
    return Tuning(
        memory_limit=memory_limit,
        threads=int(threads),
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
