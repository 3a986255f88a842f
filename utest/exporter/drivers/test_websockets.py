"""Connections to a WebSocket service."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator

import pytest
import websockets.sync.server

from JumpstarterLibrary.exporter.drivers.websocket import WebsocketNetwork


@pytest.fixture
def websocket() -> Iterator[str]:
    """A service that answers text by text, bytes by bytes, and closes on the word ``bye``."""

    def answer(connection) -> None:
        for message in connection:
            if message == b"bye":
                return
            connection.send(message.decode().upper() if message == b"text" else message)

    with websockets.sync.server.serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join(10)


def test_websocket_messages(serving, websocket):
    with serving(WebsocketNetwork(url=websocket)).stream() as stream:
        stream.send(b"\x00\xff")
        assert stream.receive() == b"\x00\xff"
        stream.send(b"text")
        assert stream.receive() == b"TEXT"
        stream.send(b"bye")
        assert stream.receive() is None


def test_nobody_speaks_websocket_there(serving, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = serving(WebsocketNetwork(url=f"ws://127.0.0.1:{port}")).stream_failure()
    assert f"The exporter cannot connect to ws://127.0.0.1:{port}: " in found
    assert found.endswith("Check the URL.")
    assert "The exporter cannot connect to no url: " in serving(WebsocketNetwork(url="no url")).stream_failure()


def test_websockets_are_optional(serving, monkeypatch):
    client = serving(WebsocketNetwork(url="ws://host"))
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.setitem(sys.modules, "websockets.exceptions", None)
    assert client.stream_failure().endswith(
        "WebsocketNetwork needs the package 'websockets'. Install robotframework-jumpstarter[novnc], or websockets."
    )


def test_the_address(serving):
    assert serving(WebsocketNetwork(url="ws://host/way")).call("address") == "ws://host/way"
    silent = "INVALID_ARGUMENT: This driver does not tell its address: its enable_address mode is not true. "
    assert serving(WebsocketNetwork(url="ws://h", enable_address=False)).failure("address").startswith(silent)
