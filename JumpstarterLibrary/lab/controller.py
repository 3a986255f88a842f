"""MockController: a controller with upstream's behaviour, in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

import grpc
import grpc.aio

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.exporter.starting import start_server
from JumpstarterLibrary.lab.authentication import Authentication
from JumpstarterLibrary.lab.certificates import Authority, Certificate
from JumpstarterLibrary.lab.client_service import ClientService
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.controller_hooks import ControllerTestHooks
from JumpstarterLibrary.lab.controller_service import ControllerService
from JumpstarterLibrary.lab.features import ControllerFeatures, RouterEntry
from JumpstarterLibrary.lab.health import health_handler
from JumpstarterLibrary.lab.journal import Journal, JournalInterceptor
from JumpstarterLibrary.lab.reconcile import Reconciler
from JumpstarterLibrary.lab.rpc_faults import FaultInterceptor, RpcFaults
from JumpstarterLibrary.lab.state import ControllerState
from JumpstarterLibrary.lab.tokens import RouterKey, TokenIssuer
from JumpstarterLibrary.protocol import CLIENT, CONTROLLER, service_handler

_OPTIONS = (
    # Two controllers on one port would share its connections.
    ("grpc.so_reuseport", 0),
    # Upstream's controller serves through Go's HTTP server, which minds no pings.
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class MockController(ControllerTestHooks):
    """A controller: ControllerService, ClientService and health on one port.

    Enter it with ``async with`` on an event loop of your own, or with ``with``: then it brings its own loop, in a
    background thread. Its plain methods may be used from any thread, before, while and after it serves.

    Args:
        host: The address to listen on, and the name in its certificate.
        port: The port; 0 takes a free one, and keeps it across restarts.
        namespace: The namespace of all its objects.
        certificate: What it shows to clients. Default: one by a fresh authority.
        plaintext: Serve without TLS. Call credentials, which upstream's client uses, do not work then.
        clock: Lab time. Default: real time.
        routers: The routers that it hands out.
        router_key: The secret that it shares with them. Default: a fresh one, in ``router_key``.
        issuer: Mints and verifies its own tokens. Default: a fresh one.
        external_issuers: Whose tokens also count, for objects with a ``username``.
        assignment_delay: Lab seconds from the request of a lease to the first look for an exporter. Default: none.
        features: What it can do.
        journal: Where its RPCs are written down.
        faults: The faults of its RPCs.

    Attributes:
        namespace: As given.
        ca: What clients have to trust, as PEM; empty in plaintext.
        clock: Lab time.
        state: Its objects. From other threads use ``exporter``, ``lease`` and ``leases``, which return copies.
        journal: Its RPCs.
        faults: The faults of its RPCs.
        features: What it can do.
        router_key: The secret that routers need.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        namespace: str = "default",
        certificate: Certificate | None = None,
        plaintext: bool = False,
        clock: Clock | None = None,
        routers: Sequence[RouterEntry] = (),
        router_key: RouterKey | None = None,
        issuer: TokenIssuer | None = None,
        external_issuers: Sequence[TokenIssuer] = (),
        assignment_delay: float = 0.0,
        features: ControllerFeatures | None = None,
        journal: Journal | None = None,
        faults: RpcFaults | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.journal = journal or Journal(clock=self.clock)
        self.faults = faults or RpcFaults()
        self.features = features or ControllerFeatures()
        self.router_key = router_key or RouterKey()
        self.ca, self._certificate = _identity(host, certificate, plaintext)
        self._host = host
        self._port = port
        state = ControllerState(namespace)
        reconciler = Reconciler(state, self.clock, self.features, self.journal, assignment_delay)
        super().__init__(state, reconciler, issuer or TokenIssuer(self.clock))
        issuers = [self._issuer, *external_issuers]
        self._authentication = Authentication(state, self.clock, issuers, self.features)
        self._clients = ClientService(state, self.clock, self._authentication, reconciler, self._issuer, self.features)
        self._controller = self._new_service(routers)
        self._server: grpc.aio.Server | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._stack = ExitStack()

    def _new_service(self, routers: Sequence[RouterEntry]) -> ControllerService:
        return ControllerService(
            self.state,
            self.clock,
            self._authentication,
            self._reconciler,
            self.journal,
            self.features,
            self.router_key,
            routers,
        )

    # Serving

    @property
    def endpoint(self) -> str:
        """``host:port``, as clients and exporters configure it."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def start_serving(self) -> None:
        """Serve: for the first time, or again after ``stop_serving``, on the same port and with the same objects.

        Raises:
            ConfigurationError: It cannot listen there.
        """
        if self._server is not None:
            return
        self._loop = asyncio.get_running_loop()
        # The features may have changed, and with them which RPCs there are; queues of Listen calls are lost.
        self._controller = self._new_service(self.routers)
        server = grpc.aio.server(
            interceptors=[JournalInterceptor(self.journal, "controller"), FaultInterceptor(self.faults, self.clock)],
            options=_OPTIONS,
        )
        server.add_generic_rpc_handlers(
            (
                service_handler(CONTROLLER, self._controller),
                service_handler(CLIENT, self._clients),
                health_handler(),
            )
        )
        self._port = self._bind(server)
        self._server = server
        await start_server(server)
        self._reconciler.everything_changed()
        self._reconciling = asyncio.create_task(self._reconciler.run(), name="controller-reconciler")

    async def stop_serving(self) -> None:
        """Stop serving without notice: open calls break, and nothing is decided until it serves again."""
        server, self._server = self._server, None
        reconciling, self._reconciling = self._reconciling, None
        try:
            if reconciling is not None:
                reconciling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reconciling
        finally:
            if server is not None:
                await server.stop(None)

    def _bind(self, server: grpc.aio.Server) -> int:
        try:
            if self._certificate is None:
                return server.add_insecure_port(self.endpoint)
            pair = (self._certificate.key, self._certificate.certificate)
            return server.add_secure_port(self.endpoint, grpc.ssl_server_credentials([pair]))
        except RuntimeError as error:
            raise ConfigurationError(
                f"The controller cannot listen on {self.endpoint}. Is the port free, and the address this machine's?"
            ) from error

    @property
    def certificate(self) -> Certificate | None:
        """What it shows; None in plaintext."""
        return self._certificate

    async def show(self, certificate: Certificate | None) -> None:
        """Stop, and start again with another certificate, on the same port. ``ca`` stays as it is.

        Args:
            certificate: What to show; None for plaintext.
        """
        await self.stop_serving()
        self._certificate = certificate
        await self.start_serving()

    async def __aenter__(self) -> Self:
        await self.start_serving()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_serving()
        self._loop = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            thread = LoopThread("controller-loop")
            stack.callback(thread.stop)
            thread.run(self.__aenter__())
            stack.callback(lambda: thread.run(self.__aexit__()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def restart(self, pause: float = 0.0) -> None:
        """Stop serving and start again, from a thread other than the loop's.

        Args:
            pause: Real seconds in between.
        """

        async def restart() -> None:
            await self.stop_serving()
            await asyncio.sleep(pause)
            await self.start_serving()

        self.run(restart())

    @property
    def routers(self) -> list[RouterEntry]:
        """The routers that it hands out. The list may be changed."""
        return self._controller.dialling.routers

    def expire_page_tokens(self) -> None:
        """Make the tokens of next pages that were handed out too old."""
        self._do(self._clients.pages.expire)

    def set_assignment_delay(self, lab_seconds: float) -> None:
        """Let later leases wait for so many lab seconds before the controller looks for an exporter."""
        self._reconciler.assignment_delay = lab_seconds


def _identity(host: str, certificate: Certificate | None, plaintext: bool) -> tuple[bytes, Certificate | None]:
    """Return what clients have to trust, and what the controller shows."""
    if plaintext:
        return b"", None
    if certificate is not None:
        return certificate.certificate, certificate
    authority = Authority()
    return authority.pem, authority.issue(host, "localhost")
