"""Attempts that run at once; the certificates that they fetch are tested in utest/client and utest/exporter/leasing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from JumpstarterLibrary.common.tls_pinning import Attempts, _handshake

LIMIT_S = 10.0


def failing(error: Exception) -> Callable[[], str]:
    def attempt() -> str:
        raise error

    return attempt


def test_the_first_result_counts() -> None:
    over = threading.Event()

    def late() -> str:
        over.wait(LIMIT_S)
        return "late"

    attempts = Attempts([late, failing(ConnectionRefusedError(111, "Connection refused")), lambda: "first"])
    assert attempts.first.result(LIMIT_S) == "first"
    over.set()


def test_the_last_failure_where_none_succeeds() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    attempts = Attempts([failing(refused), failing(TimeoutError("timed out"))])
    assert attempts.first.exception(LIMIT_S) is refused
    assert attempts.failure is refused


def test_a_lack_of_time_only() -> None:
    attempts = Attempts([failing(TimeoutError("timed out"))])
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        attempts.first.result(LIMIT_S)
    assert attempts.failure is None


def test_a_host_name_that_cannot_be() -> None:
    error = Attempts([failing(UnicodeError("label too long"))]).first.exception(LIMIT_S)
    assert (type(error), str(error)) == (OSError, "a part of it is empty or too long")


def test_attempts_cannot_be_cancelled() -> None:
    over = threading.Event()
    attempts = Attempts([lambda: str(over.wait(LIMIT_S))])
    assert not attempts.first.cancel()
    over.set()
    assert attempts.first.result(LIMIT_S) == "True"


def test_a_server_that_drips_its_handshake_ends_it_in_time() -> None:
    """Each byte comes in time; all of them together do not."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x40\x00")
                while not over.wait(0.02):
                    connection.sendall(b"\x02")

        server = threading.Thread(target=drip, daemon=True)
        server.start()
        with pytest.raises(TimeoutError):
            _handshake("127.0.0.1", (socket.AF_INET, listener.getsockname()), 0.5)
        over.set()
        server.join(LIMIT_S)
