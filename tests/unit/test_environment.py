"""What the environment may say, and how it is refused."""

import os
from pathlib import Path

import pytest

from crm_platform.environment import EnvironmentProblem, config_from, tuning_from


@pytest.mark.parametrize("threads", ["abc", "0", "-1", "1.5"])
def test_threads_are_a_whole_number(threads: str) -> None:
    with pytest.raises(EnvironmentProblem, match=f"CRM_THREADS={threads}"):
        tuning_from({"CRM_THREADS": threads})


@pytest.mark.parametrize("size", ["lots", "800", "GB", "1GB2"])
def test_memory_is_a_size(size: str) -> None:
    with pytest.raises(EnvironmentProblem, match=f"CRM_MEMORY={size}"):
        tuning_from({"CRM_MEMORY": size})


def test_what_is_said_rightly_or_not_at_all_is_taken() -> None:
    tuning = tuning_from({"CRM_THREADS": "3", "CRM_MEMORY": "1.5 GiB"})
    assert (tuning.threads, tuning.memory_limit) == (3, "1.5 GiB")
    assert tuning_from({"CRM_THREADS": "", "CRM_MEMORY": ""}).threads == os.cpu_count()


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert config_from({"CRM_CONFIG": str(tmp_path)}) == tmp_path
    with pytest.raises(EnvironmentProblem, match="there is no such folder"):
        config_from({"CRM_CONFIG": str(tmp_path / "confg")})
