"""A driver tree that is served, under upstream's interface, over our session."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter import Driver
from JumpstarterLibrary.exporter import Session as CoreSession
from JumpstarterLibrary.exporter.hosting import hosted
from JumpstarterLibrary.exporter.serving import serve_tcp, serve_unix
from pytest_jumpstarter.upstream_api.exporter.metadata import Metadata
from pytest_jumpstarter.upstream_api.exporter.statuses import ExporterStatus, LogSource


class Session(Metadata):
    """A server of a driver tree: ``with Session(root_device=driver) as session, session.serve_unix() as path``.

    The drivers are reset when the session is entered, and closed when it is left, by ``with`` or ``async with``. The
    ``serve_`` methods can be used inside, one after the other or at the same time; they enter the session unless
    the caller has.

    Args:
        root_device: The root of the tree.
        uuid: The session's id in its report; random unless given.
        labels: The exporter's labels.

    Attributes:
        root_device: As given.
        mapping: The drivers, by their ids.
    """

    def __init__(
        self, *, root_device: Driver, uuid: UUID | None = None, labels: dict[str, str] | None = None, **_unknown: Any
    ) -> None:
        given: dict[str, Any] = {"uuid": uuid, "labels": labels}
        super().__init__(**{name: value for name, value in given.items() if value is not None})
        self.root_device = root_device
        self._core = CoreSession(root_device, uuid=self.uuid, labels=self.labels)
        self.mapping: Mapping[UUID, Driver] = {entry.uuid: entry.driver for entry in root_device.enumerate()}

    def __enter__(self) -> Self:
        self._core.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._core.finish()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __getitem__(self, key: UUID) -> Driver:
        return self.mapping[key]

    @property
    def status(self) -> ExporterStatus:
        """The present status."""
        return ExporterStatus(self._core.status().status)

    def update_status(self, status: int | ExporterStatus, message: str = "") -> None:
        """Change the status. A new session is AVAILABLE.

        Args:
            status: The new status.
            message: A text for users.
        """
        self._core.update_status(int(status), message)

    def get_report(self) -> Any:
        """Return what clients get as the exporter's report: its drivers, with labels and descriptions."""
        return self._core.report()

    def get_status(self) -> Any:
        """Return what clients get as the exporter's status: a number, a message, and a version that counts changes."""
        return self._core.status()

    async def GetReport(self, request: Any = None, context: Any = None) -> Any:  # noqa: ARG002
        """Answer the RPC of that name."""
        return self.get_report()

    async def GetStatus(self, request: Any = None, context: Any = None) -> Any:  # noqa: ARG002
        """Answer the RPC of that name."""
        return self.get_status()

    async def EndSession(self, request: Any = None, context: Any = None) -> Any:  # noqa: ARG002
        """Answer the RPC of that name: there is no lease to end."""
        return self._core.end()

    @contextmanager
    def serve_unix(self) -> Iterator[Path]:
        """Serve on a unix socket in a private directory, from a thread, and yield the socket's path.

        Raises:
            OperationTimeout: It did not start or stop in time.
        """
        with hosted(serve_unix(self._core)) as (path, _):
            yield Path(path)

    @asynccontextmanager
    async def serve_unix_async(self) -> AsyncIterator[Path]:
        """Serve on a unix socket in a private directory, on the running event loop, and yield the socket's path."""
        async with serve_unix(self._core) as path:
            yield Path(path)

    @asynccontextmanager
    async def serve_port_async(self, port: str) -> AsyncIterator[None]:
        """Serve on an address as gRPC writes it, ``unix:///path`` or ``host:port``, on the running event loop.

        Raises:
            ConfigurationError: It cannot listen there.
        """
        async with self.serve_multi_port_async(port):
            yield

    @asynccontextmanager
    async def serve_multi_port_async(self, *ports: str) -> AsyncIterator[None]:
        """Serve on several addresses as gRPC writes them, on the running event loop.

        Raises:
            ConfigurationError: It cannot listen on one of them.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._core)
            for port in ports:
                await stack.enter_async_context(self._serve_port(port))
            yield

    def _serve_port(self, port: str) -> AbstractAsyncContextManager[str]:
        if port.startswith("unix:"):
            return serve_unix(self._core, re.sub("^unix:(//(?=/))?", "", port))
        host, _, number = port.rpartition(":")
        if not number.isdecimal():
            raise ConfigurationError(f"{port!r} is no address to listen on. Write unix:///path, or host:port.")
        return serve_tcp(self._core, host.strip("[]"), int(number))

    @asynccontextmanager
    async def serve_unix_with_hook_socket_async(self) -> AsyncIterator[tuple[Path, Path]]:
        """Serve on two unix sockets, one for clients and one for hooks, and yield their paths."""
        async with self._core, serve_unix(self._core) as path, serve_unix(self._core) as hooks:
            yield Path(path), Path(hooks)

    @asynccontextmanager
    async def serve_tcp_async(
        self,
        host: str,
        port: int,
        *,
        tls_credentials: Any = None,
        interceptors: Sequence[Any] | None = None,
    ) -> AsyncIterator[int]:
        """Serve on a TCP port, on the running event loop, and yield its number.

        Args:
            host: The address to bind.
            port: The port; 0 takes a free one.
            tls_credentials: gRPC's server credentials; without them the port speaks plain text.
            interceptors: gRPC's server interceptors, such as ``PassphraseInterceptor``.

        Raises:
            ConfigurationError: The port cannot be bound.
        """
        serving = serve_tcp(self._core, host, port, credentials=tls_credentials, interceptors=interceptors or ())
        async with serving as address:
            yield int(address.rpartition(":")[2])

    @asynccontextmanager
    async def serve_tcp_and_unix_async(
        self,
        host: str,
        port: int,
        unix_path: str,
        *,
        tls_credentials: Any = None,
        interceptors: Sequence[Any] | None = None,
    ) -> AsyncIterator[None]:
        """Serve on a TCP port, and on a unix socket to which the interceptors do not apply.

        Raises:
            ConfigurationError: It cannot listen there.
        """
        tcp = self.serve_tcp_async(host, port, tls_credentials=tls_credentials, interceptors=interceptors)
        async with self._core, tcp, serve_unix(self._core, unix_path):
            yield

    def add_logger_source(self, logger_name: str, source: LogSource) -> None:
        """Let clients read a logger's lines, as those of a source.

        Args:
            logger_name: The logger; loggers below it count, too.
            source: What clients are told.
        """
        self._core.logs.add_source(logger_name, int(source))

    @contextmanager
    def context_log_source(self, logger_name: str, source: LogSource) -> Iterator[None]:
        """Let clients read a logger's lines, as those of a source, while the block runs."""
        self.add_logger_source(logger_name, source)
        try:
            yield
        finally:
            self._core.logs.remove_source(logger_name)
