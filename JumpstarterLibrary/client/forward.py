"""Local ports that forward to a driver's byte stream, for clients that need a socket: SSH, HTTP, pexpect."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.common.system_errors import lacks_descriptors
from JumpstarterLibrary.common.unix_sockets import check_path, private_directory, remove_directory
from JumpstarterLibrary.common.values import PORT_LIMIT
from JumpstarterLibrary.errors import InfrastructureError, UsageError
from JumpstarterLibrary.hints import Hint

logger = logging.getLogger(__name__)

SHORTAGE_S = 0.2
"""Pause before a connection is taken again for which there was no descriptor."""

CHUNK = 64 * 1024
BACKLOG = 16

_Self = TypeVar("_Self", bound="_Forward")


class TwoWay(Protocol):
    """Two-way stream that a connection is bridged to: ``ByteStream``, or a stand-in of other code."""

    def send(self, data: bytes) -> None:
        """Send bytes; raises `InfrastructureError` when nothing can be sent any more."""

    def send_eof(self) -> None:
        """End our direction."""

    def receive(self, max_bytes: int) -> bytes:
        """Return the next bytes; none at the end of the data. Raises `InfrastructureError` where it broke."""

    def close(self, *, flush: bool = True) -> None:
        """End it. Closing twice is fine."""


class Opener(Protocol):
    """Opener of byte streams: a driver proxy."""

    @property
    def path(self) -> str:
        """What it is called in messages."""

    def stream(self, method: str) -> TwoWay:
        """Open one."""


def bridge(connection: socket.socket, stream: TwoWay, sent: threading.Event | None = None) -> None:
    """Copy both ways between a socket and a byte stream, with half close, until both directions have ended.

    Runs one direction in this thread and one in a daemon thread; closes both when done.

    Args:
        connection: The socket.
        stream: The byte stream.
        sent: Set when all that came from the socket, to its end, was handed to the stream.
    """

    def outwards() -> None:
        try:
            while data := connection.recv(CHUNK):
                stream.send(data)
            stream.send_eof()
        except (OSError, InfrastructureError) as error:
            logger.debug("forward: outward direction ended: %s", error)
            stream.close(flush=False)
        finally:
            if sent is not None:
                sent.set()

    sender = threading.Thread(target=outwards, name="jumpstarter-forward", daemon=True)
    sender.start()
    try:
        while data := stream.receive(CHUNK):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        sender.join()
    except (OSError, InfrastructureError) as error:
        logger.debug("forward: inward direction ended: %s", error)
    finally:
        stream.close()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        sender.join()
        connection.close()


class _Forward:
    """A listening socket whose connections are bridged to streams of a driver."""

    def __init__(self, driver: Opener, listener: socket.socket, method: str) -> None:
        self._driver, self._listener, self._method = driver, listener, method
        self._open: dict[socket.socket, TwoWay] = {}
        self._lock = threading.Lock()
        self._closed = False
        listener.listen(BACKLOG)
        threading.Thread(target=self._accept, name="jumpstarter-forward", daemon=True).start()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """Stop listening and end all connections. Closing twice is fine."""
        with self._lock:
            self._closed = True
            connections = list(self._open.items())
        # shutdown wakes the accepting thread, which close alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection, stream in connections:
            stream.close(flush=False)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if self._closed or not lacks_descriptors(error):
                    return
                clock.pause(SHORTAGE_S)  # the connection waits until there is a descriptor for it
                continue
            threading.Thread(target=self._serve, args=(connection,), name="jumpstarter-forward", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            stream = self._driver.stream(self._method)
        except InfrastructureError as error:
            logger.warning("forward to driver '%s': %s", self._driver.path, error)
            connection.close()
            return
        with self._lock:
            closed = self._closed
            self._open[connection] = stream
        if closed:
            stream.close()
        try:
            self._bridge(connection, stream)
        finally:
            with self._lock:
                del self._open[connection]

    def _bridge(self, connection: socket.socket, stream: TwoWay) -> None:
        """Copy both ways until both directions have ended, and close both."""
        bridge(connection, stream)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class TcpForward(_Forward):
    """A local TCP port that forwards to a driver; open until ``close``.

    Attributes:
        host: Local address.
        port: Local port.
    """

    def __init__(self, driver: Opener, host: str, port: int, method: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if not 0 <= port <= PORT_LIMIT:
            raise UsageError(f"There is no port {port}; the last one is {PORT_LIMIT}.", hint=Hint.TAKE_FREE_PORT)
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError as error:
            raise UsageError(f"Nothing can listen on {host}:{port}: {error}.", hint=Hint.TAKE_FREE_PORT) from error
        self.host, self.port = listener.getsockname()[:2]
        super().__init__(driver, listener, method)


class UnixForward(_Forward):
    """A local unix socket that forwards to a driver; open until ``close``.

    Attributes:
        path: The socket's path.
    """

    def __init__(self, driver: Opener, path: str | None, method: str) -> None:
        self._directory: Path | None = None
        if path is None:
            self._directory = private_directory()
            path = str(self._directory / "socket")
        check_path(path)
        self.path = path
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self.path)
        except OSError as error:
            listener.close()
            self._remove_directory()
            raise UsageError(
                f"Nothing can listen on the socket '{self.path}': {error.strerror or error}.",
                hint=Hint.TAKE_PRIVATE_SOCKET,
            ) from error
        super().__init__(driver, listener, method)

    def close(self) -> None:
        """Stop listening, end all connections and remove the socket."""
        super().close()
        Path(self.path).unlink(missing_ok=True)
        self._remove_directory()

    def _remove_directory(self) -> None:
        if self._directory is not None:
            remove_directory(self._directory)
