"""`crm up`: what it refuses before it starts anything."""

import socket

import pytest

from crm_platform.cli.failures import CommandError
from crm_platform.cli.up import refuse_taken_address


def test_a_port_on_which_somebody_listens_is_refused_and_is_free_again_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CommandError, match=f"127.0.0.1:{port} is in use: give another --port"):
            refuse_taken_address("127.0.0.1", port)
    refuse_taken_address("127.0.0.1", port)


def test_an_address_that_is_none_of_this_machine_is_refused() -> None:
    with pytest.raises(CommandError, match="cannot be listened on"):
        refuse_taken_address("192.0.2.1", 3000)
