"""`crm sources` where there is nothing to tell."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_platform.cli.failures import CommandError
from crm_platform.cli.main import app


def test_a_folder_that_declares_nothing_is_not_called_right(tmp_path: Path) -> None:
    asked = CliRunner().invoke(app, ["sources", "check"], env={"CRM_CONFIG": str(tmp_path)})
    assert isinstance(asked.exception, CommandError)
    with pytest.raises(CommandError, match="declares nothing"):
        raise asked.exception
