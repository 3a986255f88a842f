"""A session: one driver tree, served to clients."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import grpc
import grpc.aio

from JumpstarterLibrary.common.unix_sockets import check_path, private_directory, remove_directory
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.dispatch import CallFailed, map_driver_errors, unexpected
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.logs import DRIVER_LOGGER, EXPORTER_LOGGER, LogRing, log_scope
from JumpstarterLibrary.exporter.memory import keep_large_blocks
from JumpstarterLibrary.exporter.passphrase import PassphraseInterceptor
from JumpstarterLibrary.exporter.servicer import Servicer, parse_uuid
from JumpstarterLibrary.exporter.starting import start_server
from JumpstarterLibrary.exporter.workers import WorkerPool
from JumpstarterLibrary.protocol import EXPORTER, ROUTER, common_pb2, jumpstarter_pb2, service_handler

GRACE_S = 1.0
"""Seconds that running RPCs get when a session ends."""

DRAIN_LIMIT_S = 5.0
"""Seconds that cancelled RPCs get to clean up."""

AVAILABLE = common_pb2.EXPORTER_STATUS_AVAILABLE
BEFORE_LEASE_HOOK = common_pb2.EXPORTER_STATUS_BEFORE_LEASE_HOOK
LEASE_READY = common_pb2.EXPORTER_STATUS_LEASE_READY
AFTER_LEASE_HOOK = common_pb2.EXPORTER_STATUS_AFTER_LEASE_HOOK

_CALLABLE_STATUS = {BEFORE_LEASE_HOOK, LEASE_READY, AFTER_LEASE_HOOK}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Features:
    """The features of an exporter, and its differences from upstream's. The defaults are right outside of tests.

    Attributes:
        get_status: Answer GetStatus; older exporters do not.
        end_session: Answer EndSession; older exporters do not.
        log_stream: Answer LogStream; older exporters do not.
        gate_calls: Refuse driver calls with FAILED_PRECONDITION unless the status is LEASE_READY or that of a running
            hook. Upstream means to, but does not.
        cut_off_is_error: A driver that reads a resource whose client went away in the middle gets an error. Upstream's
            gets an ordinary end of data, so that a cut-off upload passes for a whole one.
    """

    get_status: bool = True
    end_session: bool = True
    log_stream: bool = True
    gate_calls: bool = False
    cut_off_is_error: bool = True


class Session:
    """A server of a driver tree on any number of sockets, on the running event loop.

    The drivers are reset when the session is entered, and closed when it is left. The ``serve_`` methods enter it
    unless the caller has.

    Args:
        root_driver: The tree.
        uuid: The session's id in its report; random unless given.
        labels: The exporter's labels.
        motd: A message for users.
        features: What this exporter can do.
        on_end_session: Called when a client ends the session; without it there is nothing to end.
        grace: Seconds that running RPCs get when a server stops; default 1.
        loggers: Names of the loggers whose records clients can read.
    """

    def __init__(
        self,
        root_driver: Driver,
        *,
        uuid: UUID | None = None,
        labels: dict[str, str] | None = None,
        motd: str | None = None,
        features: Features | None = None,
        on_end_session: Callable[[], None] | None = None,
        grace: float = GRACE_S,
        loggers: tuple[str, ...] = (DRIVER_LOGGER, EXPORTER_LOGGER),
    ) -> None:
        self.root_driver = root_driver
        self.uuid = uuid or uuid4()
        self.labels = labels or {}
        self.motd = motd
        self.features = features or Features()
        self.logs = LogRing(loggers)
        self.workers = WorkerPool()
        self._on_end_session = on_end_session
        self._grace = grace
        self._entered = 0
        self._entries = root_driver.enumerate()
        self._drivers = {entry.driver.uuid: entry.driver for entry in self._entries}
        self._status = jumpstarter_pb2.GetStatusResponse(status=AVAILABLE, message="", status_version=0)

    async def __aenter__(self) -> Self:
        """Reset the drivers and begin to collect log records; entering again only counts."""
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the drivers. A driver that fails to close is reported in the log."""
        self.finish()

    def begin(self) -> None:
        """Do what entering does, for callers without an event loop; ``finish`` belongs to it."""
        self._entered += 1
        if self._entered == 1:
            self.logs.attach()
            try:
                with log_scope(self.logs, "reset"):
                    self.root_driver.reset()
            except BaseException:
                self.finish()
                raise

    def finish(self) -> None:
        """Do what leaving does, for callers without an event loop."""
        self._entered -= 1
        if self._entered:
            return
        with log_scope(self.logs, "close"):
            close_driver(self.root_driver)
        self.workers.close()
        self.logs.detach()

    def report(self) -> jumpstarter_pb2.GetReportResponse:
        """Return what GetReport answers."""
        return jumpstarter_pb2.GetReportResponse(
            uuid=str(self.uuid),
            labels=self.labels,
            reports=[entry.driver.report(parent=entry.parent, name=entry.name) for entry in self._entries],
            motd=self.motd,
        )

    def status(self) -> jumpstarter_pb2.GetStatusResponse:
        """Return what GetStatus answers."""
        return self._status

    def update_status(self, status: int, message: str = "") -> None:
        """Change the status; the version grows by one, also when the status stays the same.

        Args:
            status: A number of the protocol's ExporterStatus.
            message: A text for users.
        """
        previous = self._status
        self._status = jumpstarter_pb2.GetStatusResponse(
            status=status,  # type: ignore[arg-type]
            message=message,
            status_version=previous.status_version + 1,
            previous_status=previous.status,
        )

    def end(self) -> jumpstarter_pb2.EndSessionResponse:
        """Do what EndSession asks for, and return its answer."""
        if self._on_end_session is None:
            return jumpstarter_pb2.EndSessionResponse(success=False, message="No active lease context")
        self._on_end_session()
        return jumpstarter_pb2.EndSessionResponse(success=True)

    def driver(self, uuid: str) -> Driver:
        """Return the driver that a request names.

        Raises:
            CallFailed: UNKNOWN; this session has no such driver.
        """
        parsed = parse_uuid(uuid)
        try:
            return self._drivers[parsed]
        except KeyError as error:
            raise unexpected(error) from error

    def callable_driver(self, uuid: str) -> Driver:
        """Return the driver that a call names, if the status allows calls.

        Raises:
            CallFailed: FAILED_PRECONDITION; it does not. UNKNOWN; this session has no such driver.
        """
        status = self._status.status
        if self.features.gate_calls and status not in _CALLABLE_STATUS:
            name = common_pb2.ExporterStatus.Name(status).removeprefix("EXPORTER_STATUS_")
            raise CallFailed(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"The exporter takes no driver calls in status {name}. Wait for LEASE_READY.",
            )
        return self.driver(uuid)

    @asynccontextmanager
    async def serve_unix(self, path: str | Path | None = None) -> AsyncIterator[str]:
        """Serve on a unix socket, and yield its path.

        Args:
            path: The socket; by default ``socket`` in a new directory that only this user may enter.

        Raises:
            ConfigurationError: The path is too long, or cannot be bound.
        """
        directory = private_directory() if path is None else None
        socket = directory / "socket" if directory is not None else Path(path or "")
        try:
            check_path(socket)
            async with self._server((), lambda server: server.add_insecure_port(f"unix:{socket}"), str(socket)):
                yield str(socket)
        finally:
            socket.unlink(missing_ok=True)
            if directory is not None:
                remove_directory(directory)

    @asynccontextmanager
    async def serve_tcp(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        certificate: bytes | None = None,
        key: bytes | None = None,
        passphrase: str | None = None,
        credentials: grpc.ServerCredentials | None = None,
        interceptors: Sequence[Any] = (),
    ) -> AsyncIterator[str]:
        """Serve on a TCP port, and yield ``host:port``.

        Args:
            host: The address to bind.
            port: The port; 0 takes a free one.
            certificate: Certificate chain as PEM text, for TLS; without it and ``key`` the port speaks plain text.
            key: Private key as PEM text.
            passphrase: What clients must send; by default nothing.
            credentials: gRPC's own server credentials, in place of certificate and key.
            interceptors: gRPC's own server interceptors, beside the one for the passphrase.

        Raises:
            ConfigurationError: The port cannot be bound, or of certificate and key only one was given.
        """
        if (certificate is None) != (key is None):
            raise ConfigurationError("TLS needs a certificate and its key. Give both, or neither for plain text.")
        if certificate is not None and key is not None:
            credentials = grpc.ssl_server_credentials([(key, certificate)])
        address = f"[{host}]" if ":" in host else host
        bound = 0

        def add_port(server: grpc.aio.Server) -> int:
            nonlocal bound
            if credentials is None:
                bound = server.add_insecure_port(f"{address}:{port}")
            else:
                bound = server.add_secure_port(f"{address}:{port}", credentials)
            return bound

        guards = () if passphrase is None else (PassphraseInterceptor(passphrase),)
        async with self._server((*guards, *interceptors), add_port, f"{address}:{port}"):
            yield f"{address}:{bound}"

    @asynccontextmanager
    async def _server(
        self,
        interceptors: tuple[Any, ...],
        add_port: Callable[[grpc.aio.Server], int],
        address: str,
    ) -> AsyncIterator[None]:
        keep_large_blocks()
        servicer = Servicer(self)
        # Without it, two exporters could share a port and its calls.
        server = grpc.aio.server(interceptors=interceptors, options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((service_handler(EXPORTER, servicer), service_handler(ROUTER, servicer)))
        try:
            add_port(server)
        except RuntimeError as error:
            raise ConfigurationError(
                f"The exporter cannot listen on {address}: {error}. Is another process using it?"
            ) from error
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self)
            except BaseException:
                # gRPC closes the socket of a server only where it was started.
                servicer.begin_closing()
                await start_server(server)
                await server.stop(None)
                raise
            stack.push_async_callback(servicer.drained, DRAIN_LIMIT_S)
            stack.push_async_callback(server.stop, self._grace)
            stack.callback(servicer.begin_closing)
            await start_server(server)
            yield


def close_driver(root: Driver) -> None:
    """Close a driver and what is below it; failures go to the log, since everything else has to end as well."""
    try:
        with map_driver_errors(_log, f"close() of {type(root).__name__}"):
            root.close()
    except CallFailed as failure:
        _log.error("A driver did not close: %s", failure.details)
