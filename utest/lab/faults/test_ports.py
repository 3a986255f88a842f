"""Ports of servers that are away are kept for them."""

from __future__ import annotations

import errno
import socket

import pytest

from JumpstarterLibrary.lab.faults.ports import kept


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found: int = listener.getsockname()[1]
    return found


def test_nobody_listens_and_nobody_else_gets_it(port: int) -> None:
    with kept(f"127.0.0.1:{port}"):
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as listener:
        assert listener.getsockname()[1] == port


def test_a_port_that_somebody_has_already_is_no_error(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), kept(f"127.0.0.1:{port}"), socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", port)) == 0
