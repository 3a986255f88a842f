"""`DirectLease`: what a lease is where there is no controller, and the exporter's address is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from JumpstarterLibrary.client import Address, Device, DirectConnection
from JumpstarterLibrary.client.settings import authorities
from JumpstarterLibrary.client.settings.layers import Given, Layers
from JumpstarterLibrary.types import Tls
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.factory import Allow, build_clients
from pytest_jumpstarter.upstream_api.config.error_mapping import map_connect_errors
from pytest_jumpstarter.upstream_api.config.sections import TLSConfigV1Alpha1
from pytest_jumpstarter.upstream_api.config.threads import entered

DIRECT = "direct"


@dataclass(kw_only=True)
class DirectLease:
    """An exporter that listens itself, used as if it were leased. Nothing is acquired, and nothing released.

    Attributes:
        address: Where it listens: ``HOST:PORT``, or the path of a unix socket.
        portal: Not needed; upstream's users hand one over.
        allow: Patterns of client classes that may be imported.
        unsafe: Whether all of them may.
        tls_config: How the connection is secured.
        grpc_options: Kept, and not used: a connection of ours needs none.
        insecure: No TLS at all.
        passphrase: What the exporter wants with every call.
    """

    address: str
    portal: Any = field(default=None, repr=False)
    allow: list[str]
    unsafe: bool
    tls_config: TLSConfigV1Alpha1 = field(default_factory=TLSConfigV1Alpha1)
    grpc_options: Mapping[str, Any] = field(default_factory=dict)
    insecure: bool = False
    passphrase: str | None = field(default=None, repr=False)

    name: str = field(default=DIRECT, init=False)
    exporter_name: str = field(default=DIRECT, init=False)
    exporter_labels: dict[str, str] = field(default_factory=dict, init=False)
    release: bool = field(default=False, init=False)
    lease_ended: bool = field(default=False, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is there to end."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is there to end."""

    @contextmanager
    def connect(self) -> Iterator[DriverClient]:
        """Connect to the exporter for the length of a block.

        Raises:
            ExporterUnreachableError: It cannot be reached.
        """
        with map_connect_errors():
            device = Device.connect(self._connection())
        with device:
            yield build_clients(device, Allow(tuple(self.allow), self.unsafe))

    @asynccontextmanager
    async def connect_async(self, stack: Any = None) -> AsyncIterator[DriverClient]:  # noqa: ARG002 - upstream's
        """Connect to the exporter as ``connect`` does, from a coroutine. ``stack`` is not needed."""
        async with entered(lambda _tick: self.connect()) as client:
            yield client

    @contextmanager
    def serve_unix(self) -> Iterator[str]:
        """Yield the exporter's address, which is as good as a socket of one's own."""
        yield self.address

    @asynccontextmanager
    async def serve_unix_async(self) -> AsyncIterator[str]:
        """Yield the exporter's address, from a coroutine."""
        yield self.address

    @contextmanager
    def monitor(self, threshold: timedelta = timedelta(minutes=5)) -> Iterator[None]:  # noqa: ARG002 - upstream's
        """Watch nothing: such a lease has no end."""
        yield

    @asynccontextmanager
    async def monitor_async(self, threshold: timedelta = timedelta(minutes=5)) -> AsyncIterator[None]:  # noqa: ARG002
        """Watch nothing: such a lease has no end."""
        yield

    def _connection(self) -> DirectConnection:
        address = Address.parse(str(self.address))
        tls, ca = Tls.plaintext, None
        if address.path is None and not self.insecure:
            given = {"tls.ca": Given(self.tls_config.ca, "argument", "tls_config.ca")}
            tls = Tls.pin if self.tls_config.insecure else Tls.verify
            ca = None if self.tls_config.insecure else Layers([given]).pick("tls.ca", authorities.decoded, None)
        return DirectConnection(address, tls, ca, self.passphrase, "DirectLease")
