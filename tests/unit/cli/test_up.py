"""`crm up`: what it refuses before it starts anything."""

import socket
from pathlib import Path

import pytest

from crm_platform.cli.failures import CommandError
from crm_platform.cli.up import refuse_taken_address, up
from crm_platform.configuration import ConfigurationError


def test_a_port_on_which_somebody_listens_is_refused_and_is_free_again_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandError, match=f"127.0.0.1:{port} is in use: give another --port"):
            refuse_taken_address("127.0.0.1", port)
    refuse_taken_address("127.0.0.1", port)


def test_an_address_that_is_none_of_this_machine_is_refused() -> None:
    with pytest.raises(CommandError, match="cannot be listened on"):
        refuse_taken_address("192.0.2.1", 3000)


def test_a_wrong_declaration_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config" / "sources").mkdir(parents=True)
    (tmp_path / "config" / "sources" / "shop.yaml").write_text("source: shop\nfeads: {}\n", encoding="utf-8")
    monkeypatch.setenv("CRM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "config"))
    with pytest.raises(ConfigurationError, match="feads: there is no such key; is 'feeds' meant"):
        up()
    assert not (tmp_path / "home").exists()
