"""The certificate of whoever answers first; the connections made with it are tested in test_channel."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Deadline
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.pinning import RESOLVE_S, fetch_certificate
from JumpstarterLibrary.errors import LinkError
from JumpstarterLibrary.lab.certificates import Certificate, self_signed

FOREVER = Deadline(None)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return self_signed("localhost")


@pytest.fixture
def server(certificate: Certificate, tmp_path: Path) -> Iterator[int]:
    """A TLS server that does nothing but handshakes; its port."""
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate.certificate + certificate.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listener.accept()
                    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                        secure.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_what_the_server_shows(server: int, certificate: Certificate) -> None:
    assert fetch_certificate("127.0.0.1", server, FOREVER) == certificate.certificate


def test_the_first_address_that_answers(server: int, certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        refused = listener.getsockname()[1]
        listener.close()
        ports = (silent.getsockname()[1], refused, server)
        answer: Any = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
        assert fetch_certificate("board", 443, FOREVER) == certificate.certificate


def test_a_resolver_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, frozen_clock: MovableClock, during: Any, eventually: Any
) -> None:
    over, asked = threading.Event(), threading.Event()

    def resolve(*_: object, **__: object) -> list[Any]:
        asked.set()
        over.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    join = during(lambda: fetch_certificate("board", 443, Deadline(60)))
    eventually(asked.is_set)
    frozen_clock.advance(RESOLVE_S)
    with pytest.raises(LinkError) as caught:
        join()
    over.set()
    assert str(caught.value) == (
        "The host name 'board' could not be resolved: no answer within 5 seconds. Check the name and the network."
    )


def test_a_server_that_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(LinkError) as caught:
            fetch_certificate("127.0.0.1", port, FOREVER)
        thread.join(10)
    assert str(caught.value) in (
        f"127.0.0.1:{port} does not speak TLS: UNEXPECTED_EOF_WHILE_READING. "
        f"If the exporter is plaintext, use tls=plaintext.",
        f"No connection to 127.0.0.1:{port}: Connection reset by peer. "
        f"Check the address, and that a server listens there.",
    )
