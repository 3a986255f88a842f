"""The tunnel to a leased exporter: a private unix socket whose connections go on through a router.

Inside the tunnel the protocol is that of any exporter's socket, so that everything else works as it does without one.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.client.leasing.dial import Dialer, RouterEndpoint
from JumpstarterLibrary.client.leasing.lease import Lease, told
from JumpstarterLibrary.client.leasing.refusals import control_reason, status_of, translate_control
from JumpstarterLibrary.common.system_errors import lacks_descriptors, remedy
from JumpstarterLibrary.common.unix_sockets import private_directory, remove_directory
from JumpstarterLibrary.errors import AuthenticationError, ControllerUnreachable, JumpstarterError, LinkError, TlsError
from JumpstarterLibrary.protocol.generated.router_pb2 import FRAME_TYPE_DATA, FRAME_TYPE_GOAWAY, StreamRequest

logger = logging.getLogger(__name__)

FRAME = 1024 * 1024
"""Bytes of the largest frame; routers and exporters refuse messages over 4 MiB."""

PIECE = 256 * 1024
"""Bytes that are read at once; more than a unix socket holds by default."""

AWAY_S = 3.0
"""How long a router may be away, as while it restarts, before that is an error."""

SHORTAGE_S = 0.2
"""Pause before a connection is taken again for which there was no descriptor."""

ROUTER_S = 10.0
"""How long a router may take to show its certificate, where it is pinned."""


class Tunnel:
    """Listens on a private socket; each connection there becomes a stream through a router, by a Dial of its own.

    A connection that fails is closed, and the next one dials again, as long as the lease lasts.

    Args:
        lease: The lease, whose end closes the tunnel.
        dialer: Where ways come from.
        dial_timeout: Seconds that a Dial for a later connection may take.

    Attributes:
        path: The socket.
        generation: Grows by one with each connection.
        error: Why the last connection could not be made, or None.
        broke: Why the last connection ended.
        heard: When the exporter was last heard, in seconds of the monotonic clock.
    """

    def __init__(self, lease: Lease, dialer: Dialer, dial_timeout: float) -> None:
        self.generation = 0
        self.error: JumpstarterError | None = None
        self.broke = "it has not come to the router"
        self.heard = clock.seconds()
        self._lease = lease
        self._dialer = dialer
        self._dial_timeout = dial_timeout
        self._first: RouterEndpoint | None = None
        self._refusals = 0
        self._away: float | None = None
        self._connections: dict[socket.socket, Any] = {}
        self._half_open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._over = threading.Event()
        try:
            self._directory = private_directory()
        except OSError as error:
            raise _no_socket(lease.name, error.filename, error) from error
        self.path = str(self._directory / "socket")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Before anything runs: an interruption from here on ends the lease, and so the tunnel.
        lease.on_end(self.close)
        try:
            self._listener.bind(self.path)
            self._listener.listen(16)
        except OSError as error:
            self.close()
            raise _no_socket(lease.name, self._directory, error) from error
        with interruptible:
            threading.Thread(target=self._accept, name="jumpstarter-tunnel", daemon=True).start()

    @property
    def up(self) -> bool:
        """Whether a connection exists at present."""
        with self._lock:
            return any(connection not in self._half_open for connection in self._connections)

    @property
    def dialling(self) -> bool:
        """Whether the controller is still being asked for the way of a connection."""
        with self._lock:
            return any(call is None for call in self._connections.values())

    def late(self, deadline: Deadline) -> JumpstarterError | None:
        """Return why there is no way yet, if that is what was waited for until a deadline; see ``Dialer.late``."""
        return self._dialer.late(deadline) if self.dialling else None

    def prepare(self, deadline: Deadline) -> None:
        """Dial for the first connection, in the caller's thread, so that the caller gets the refusal.

        Raises:
            InfrastructureError: See ``Dialer.dial``.
        """
        self._first = self._dialer.dial(deadline)
        self.error = None

    def begin_anew(self) -> None:
        """Forget why a connection failed, and cut one that is still being dialled: it would fail for an old reason."""
        if self.dialling:
            self.cut(self.broke)
        self.error = None

    def spare(self, way: RouterEndpoint) -> None:
        """Use a way for the next connection."""
        with self._lock:
            self._first = way

    def cut(self, reason: str) -> None:
        """End all connections; the next one dials again."""
        with self._lock:
            connections = list(self._connections.items())
            self._connections.clear()
            if connections:
                self.broke = reason
        for connection, call in connections:
            _shut(connection)
            if call is not None:
                call.cancel()

    def close(self) -> None:
        """Close everything. Closing twice is fine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._over.set()
        # Closing alone would not wake the thread that accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut("the tunnel was closed")
        remove_directory(self._directory)

    # Inside

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not lacks_descriptors(error):
                    return
                # The connection waits on; what looks for the exporter is told at once.
                self.error = LinkError(
                    f"The tunnel of lease '{self._lease.name}' cannot take a connection: {error.strerror}. "
                    f"{remedy(error)}"
                )
                clock.wait(self._over, SHORTAGE_S)
                continue
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections[connection] = None
                self.generation += 1
            threading.Thread(
                target=self._serve, args=(connection,), name="jumpstarter-tunnel-stream", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        """Carry one connection to its end."""
        endpoint, begin = "", clock.seconds()
        try:
            with self._lock:
                way, self._first = self._first, None
            if way is None:
                way = self._dialer.dial(Deadline(self._dial_timeout), lambda: self._check(connection))
            endpoint = way.endpoint
            router = self._lease.controller.router(endpoint, Deadline(ROUTER_S))
            call = router.stream(_outgoing(connection), metadata=(("authorization", f"Bearer {way.token}"),))
            with self._lock:
                there = connection in self._connections
                if there:
                    self._connections[connection] = call
            if not there:
                call.cancel()  # type: ignore[no-untyped-call]
            self._receive(connection, call)
        except JumpstarterError as error:
            logger.debug("no tunnel for lease %s: %s", self._lease.name, error)
            if connection in self._connections:
                self.error, self.broke = error, told(error)
        except grpc.RpcError as error:
            # What was cut on this side has its reason already.
            if connection in self._connections:
                self._ended(endpoint, error, heard=self.heard > begin)
        except (OSError, ValueError) as error:
            # The inner side is gone, or the controller's channels are closed.
            logger.debug("a tunnel of lease %s ended: %s", self._lease.name, error)
        finally:
            # First it is known to be lost, then its users are told.
            with self._lock:
                call = self._connections.pop(connection, None)
                self._half_open.discard(connection)
            _shut(connection)
            if call is not None:
                call.cancel()
            connection.close()

    def _check(self, connection: socket.socket) -> None:
        """Raise if a connection is wanted no more."""
        if connection not in self._connections:
            raise LinkError(f"A connection to the exporter of lease '{self._lease.name}' is wanted no more.")

    def _receive(self, connection: socket.socket, call: Any) -> None:
        for frame in call:
            self.heard = clock.seconds()
            self._refusals = 0
            self._away = None
            self.error = None
            if frame.frame_type == FRAME_TYPE_GOAWAY:
                # An exporter that sends no more is of no use, even if it still receives.
                with self._lock:
                    self._half_open.add(connection)
                    self.broke = "the exporter ended it"
                connection.shutdown(socket.SHUT_WR)
            elif frame.frame_type == FRAME_TYPE_DATA and frame.payload:
                connection.sendall(frame.payload)
        if connection in self._connections:
            self.broke = "the exporter ended it"

    def _ended(self, endpoint: str, error: grpc.RpcError, *, heard: bool) -> None:
        """Take note of why the router ended a stream, or did not even begin it."""
        code, details = status_of(error)
        logger.debug("the router stream of lease %s ended with %s: %s", self._lease.name, code, details)
        if heard or code is grpc.StatusCode.CANCELLED:
            self.broke = _reason(code, details)
            return
        peer = replace(self._lease.controller.peer, role="router", endpoint=endpoint)
        translated = translate_control(error, f"the tunnel of lease '{self._lease.name}'", peer, Deadline(None))
        self.broke = told(translated)
        if isinstance(translated, TlsError):
            self._lease.controller.forget_router(endpoint)
        if isinstance(translated, AuthenticationError):
            # It is about the router's token, not about the client's.
            self.broke = f"the router refused the token of its controller ({details.rstrip('.')})"
            # A token may have been too old, or the clocks differ a little: one more Dial gives another.
            self._refusals += 1
            if self._refusals < 2:
                return
            translated = LinkError(
                f"The {peer} refused the token that its controller made for lease '{self._lease.name}', twice: "
                f"{details}. The clocks or keys of controller and router may differ; tell their administrator."
            )
        elif isinstance(translated, ControllerUnreachable):
            self._away = clock.seconds() if self._away is None else self._away
            if clock.seconds() - self._away < AWAY_S:
                return
            self._away = None
        self.error = translated


def _reason(code: grpc.StatusCode, details: str) -> str:
    """Return why a tunnel broke that had worked."""
    if code is grpc.StatusCode.CANCELLED:
        return "the exporter has gone"
    reason = control_reason(details) if code is grpc.StatusCode.UNAVAILABLE else None
    if reason is not None:
        return f"the connection to the router was lost ({reason})"
    return f"the router ended it ({details.rstrip('.') or code.name})"


def _outgoing(connection: socket.socket) -> Iterator[StreamRequest]:
    """Yield what comes from the inner side. gRPC asks for it in a thread of its own, as fast as the router takes it."""
    while True:
        try:
            data = connection.recv(PIECE)
            if len(data) >= PIECE // 4:
                data = _gather(connection, data)
        except OSError:
            return
        if not data:
            break
        yield StreamRequest(payload=data, frame_type=FRAME_TYPE_DATA)
    yield StreamRequest(frame_type=FRAME_TYPE_GOAWAY)


def _gather(connection: socket.socket, data: bytes) -> bytes:
    """Return some data with what has arrived behind it: large frames cost less than many."""
    pieces, size = [data], len(data)
    while size < FRAME:
        try:
            more = connection.recv(FRAME - size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if not more:
            break  # the next reader sees the end of data again
        pieces.append(more)
        size += len(more)
    return b"".join(pieces)


def _shut(connection: socket.socket) -> None:
    """End both directions, which wakes the threads that read or write."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _no_socket(lease: str, where: object, error: OSError) -> LinkError:
    return LinkError(
        f"The tunnel of lease '{lease}' needs a socket in {where}, which is not possible: {error.strerror or error}. "
        f"Set XDG_RUNTIME_DIR to a directory with a short path that can be written to."
    )
