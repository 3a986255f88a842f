"""A local port that speaks WebSocket and forwards to a driver. It needs the package websockets."""

from __future__ import annotations

import contextlib
import importlib
import logging
import socket
import threading
from collections.abc import Sequence
from typing import Any

from JumpstarterLibrary.client import TcpForward
from JumpstarterLibrary.client.forward import CHUNK, TwoWay
from JumpstarterLibrary.errors import InfrastructureError

logger = logging.getLogger(__name__)

# Not imported as names: type checkers see them only where websockets is installed.
_frames: Any = importlib.import_module("websockets.frames")
_http: Any = importlib.import_module("websockets.http11")
_protocol: Any = importlib.import_module("websockets.protocol")
_server: Any = importlib.import_module("websockets.server")

BINARY = "binary"
"""What noVNC and websockify call bytes as they are."""


class WebsocketForward(TcpForward):
    """A local TCP port that takes WebSockets, and forwards what their messages hold to a driver and back."""

    def _bridge(self, connection: socket.socket, stream: TwoWay) -> None:
        _Bridge(connection, stream).run()


class _Bridge:
    """One WebSocket and one stream."""

    def __init__(self, connection: socket.socket, stream: TwoWay) -> None:
        self._connection, self._stream = connection, stream
        self._protocol = _server.ServerProtocol(select_subprotocol=_subprotocol, max_size=None)
        self._lock = threading.Lock()
        self._open = threading.Event()

    def run(self) -> None:
        """Copy both ways until one side ends, and close both."""
        sender = threading.Thread(target=self._inwards, name="jumpstarter-websocket", daemon=True)
        sender.start()
        try:
            while data := self._connection.recv(CHUNK):
                self._take(data)
        except (OSError, InfrastructureError) as error:
            logger.debug("websocket: outward direction ended: %s", error)
        finally:
            self._open.set()
            self._stream.close(flush=False)
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            sender.join()
            self._connection.close()

    def _take(self, data: bytes) -> None:
        """Handle bytes of the WebSocket: hand on what its messages hold, and answer the rest."""
        with self._lock:
            self._protocol.receive_data(data)
            events = self._protocol.events_received()
            for event in events:
                if isinstance(event, _http.Request):
                    self._protocol.send_response(self._protocol.accept(event))
            self._flush()
            if self._protocol.state is _protocol.State.OPEN:
                self._open.set()
        for event in events:
            if isinstance(event, _frames.Frame) and event.opcode in _frames.DATA_OPCODES and event.data:
                self._stream.send(bytes(event.data))

    def _inwards(self) -> None:
        """Send what the driver sends, as messages, once the WebSocket is open."""
        self._open.wait()  # set when the connection ends, at the latest
        try:
            while data := self._stream.receive(CHUNK):
                with self._lock:
                    self._protocol.send_binary(data)
                    self._flush()
        except InfrastructureError as error:
            logger.debug("websocket: inward direction ended: %s", error)
        except OSError as error:
            logger.debug("websocket: the browser has gone: %s", error)
        with self._lock, contextlib.suppress(OSError):
            if self._protocol.state is _protocol.State.OPEN:
                self._protocol.send_close(_frames.CloseCode.NORMAL_CLOSURE)
                self._flush()
            self._connection.shutdown(socket.SHUT_RD)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._connection.sendall(data)
            else:
                self._connection.shutdown(socket.SHUT_WR)


def _subprotocol(_connection: Any, offered: Sequence[str]) -> str | None:
    return BINARY if BINARY in offered else None
