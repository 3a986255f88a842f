"""A router: joins two byte streams that show the same token to a tunnel.

It behaves as upstream's router does: the side that comes first waits without a limit, frames are copied as they are,
and a side whose peer has vanished hears nothing of it until it sends the next frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.hosting import LoopThread
from JumpstarterLibrary.exporter.memory import keep_large_blocks
from JumpstarterLibrary.exporter.starting import start_server
from JumpstarterLibrary.lab.certificates import Authority, Certificate
from JumpstarterLibrary.lab.clock import Clock
from JumpstarterLibrary.lab.journal import Journal, JournalInterceptor
from JumpstarterLibrary.lab.router_behaviour import Refusal, RouterBehaviour
from JumpstarterLibrary.lab.tokens import RouterKey, TokenRefused
from JumpstarterLibrary.lab.tunnel import Ending, RouterStream, Tunnel, TunnelInfo
from JumpstarterLibrary.protocol import ROUTER

GRACE_S = 0.0
"""Seconds that open tunnels get when the router stops: none, as when its process ends."""

_OPTIONS = (
    # Without it, two routers could share a port and its streams.
    ("grpc.so_reuseport", 0),
    # What upstream's installation allows: a ping every second, also on an idle connection.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)

WAITING = "waiting router streams"
"""The journal's counter of streams that wait for their peer."""

_RESET = Ending(grpc.StatusCode.UNAVAILABLE, "The router dropped the tunnel.")


class MockRouter:
    """Serves RouterService. Enter it with ``async with`` on a running loop, or with ``with`` for a thread of its own.

    Args:
        host: The address to bind; also a name that the certificate is for.
        port: The port; 0 takes a free one.
        certificate: What to show. Default: one from a fresh authority, for ``host``, 127.0.0.1 and localhost.
        plaintext: Speak no TLS. Upstream's programs do not connect to such a router.
        key: The secret that it shares with the controller.
        clock: Whose time tokens are judged by. Default: real time.
        journal: Where streams are written down and counted. Default: one of its own.
        behaviour: How it treats streams.

    Attributes:
        ca: The certificate, as PEM, that clients have to trust; empty for plain text.
        behaviour: As given; can be changed at any time.
        journal: As given.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Certificate | None = None,
        plaintext: bool = False,
        key: RouterKey,
        clock: Clock | None = None,
        journal: Journal | None = None,
        behaviour: RouterBehaviour | None = None,
    ) -> None:
        self.behaviour = behaviour or RouterBehaviour()
        self.ca, self._certificate = _identity(host, certificate, plaintext)
        self._host = host
        self._port = port
        self._key = key
        self._clock = clock or Clock()
        self.journal = journal or Journal(clock=self._clock)
        self._waiting: dict[str, RouterStream] = {}
        self._tunnels: list[Tunnel] = []
        self._server: grpc.aio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stack = ExitStack()

    @property
    def endpoint(self) -> str:
        """Where it listens, as ``host:port``."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises:
            ConfigurationError: The port cannot be bound.
        """
        await self.start_serving()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End all streams and stop listening."""
        await self.stop_serving()

    def __enter__(self) -> Self:
        """Begin to listen, in a thread of its own."""
        with ExitStack() as stack:
            thread = LoopThread("router-loop")
            stack.callback(thread.stop)
            thread.run(self.start_serving())
            stack.callback(lambda: thread.run(self.stop_serving()))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End all streams and the thread."""
        self._stack.close()

    async def start_serving(self) -> None:
        """Listen, on the same port as before if there was one.

        Raises:
            ConfigurationError: The port cannot be bound.
        """
        keep_large_blocks()
        self._loop = asyncio.get_running_loop()
        server = grpc.aio.server(interceptors=(JournalInterceptor(self.journal, "router"),), options=_OPTIONS)
        server.add_generic_rpc_handlers((_handler(self._stream),))
        try:
            self._port = self._bind(server, self.endpoint)
        except RuntimeError as error:
            raise ConfigurationError(
                f"The router cannot listen on {self.endpoint}: {error}. Is another process using it?"
            ) from error
        self._server = server
        await start_server(server)

    async def stop_serving(self) -> None:
        """Stop as a process that ends: all streams break, without a reason."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(GRACE_S)

    @property
    def certificate(self) -> Certificate | None:
        """What it shows; None for plain text."""
        return self._certificate

    async def show(self, certificate: Certificate | None) -> None:
        """Stop, and start again with another certificate, on the same port. ``ca`` stays as it is.

        Args:
            certificate: What to show; None for plain text.
        """
        await self.stop_serving()
        self._certificate = certificate
        await self.start_serving()

    def tunnels(self) -> list[TunnelInfo]:
        """Return the open tunnels, oldest first. From any thread."""
        return [tunnel.info() for tunnel in list(self._tunnels)]

    def waiting(self) -> list[str]:
        """Return the ids of the streams that wait for their peer. From any thread."""
        return list(self._waiting)

    def drop(self, stream_id: str | None = None, how: str = "reset") -> int:
        """Break open tunnels. From any thread.

        Args:
            stream_id: Which one. Default: all of them.
            how: ``reset`` ends both streams with UNAVAILABLE; ``silent`` leaves them open and moves nothing any more.

        Returns:
            How many tunnels it meets.

        Raises:
            ValueError: ``how`` is neither.
        """
        acts: dict[str, Callable[[Tunnel], None]] = {
            "reset": lambda tunnel: tunnel.end(_RESET),
            "silent": lambda tunnel: tunnel.silence(),
        }
        if how not in acts:
            raise ValueError(f"A tunnel can be dropped by reset or silent, not by {how!r}.")
        met = [tunnel for tunnel in list(self._tunnels) if stream_id in (None, tunnel.stream_id)]
        for tunnel in met:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(acts[how], tunnel)
        return len(met)

    def _bind(self, server: grpc.aio.Server, address: str) -> int:
        if self._certificate is None:
            return server.add_insecure_port(address)
        identity = [(self._certificate.key, self._certificate.certificate)]
        return server.add_secure_port(address, grpc.ssl_server_credentials(identity))

    async def _stream(self, _requests: object, context: Any) -> None:
        found = self._refusal(context)
        if isinstance(found, Ending):
            await context.abort(found.code, found.details)
            return
        stream = RouterStream(context)
        try:
            tunnel = await self._meet(found, stream)
            # A stream whose first frame is still being written cannot be ended by gRPC unless this was sent before.
            await context.send_initial_metadata(())
            ending = await tunnel.carry(stream)
        finally:
            self._leave(stream)
        if ending is not None:
            await context.abort(ending.code, ending.details)

    def _refusal(self, context: Any) -> Ending | str:
        """Return why a stream is refused, or else its id."""
        given = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
        scheme, _, token = str(given[0]).partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            return Ending(grpc.StatusCode.UNAUTHENTICATED, f"missing or invalid authorization: {_found(given)}")
        if (refuse := self._chosen_refusal()) is not None:
            return Ending(refuse.code, refuse.details)
        try:
            return self._key.verify(token, self._clock.now())
        except TokenRefused as error:
            return Ending(grpc.StatusCode.UNAUTHENTICATED, error.details)

    def _chosen_refusal(self) -> Refusal | None:
        refuse = self.behaviour.refuse
        if refuse is None or refuse.times == 0:
            return None
        if refuse.times is not None:
            refuse.times -= 1
        return refuse

    async def _meet(self, stream_id: str, stream: RouterStream) -> Tunnel:
        """Return the tunnel, once there are two streams with this id."""
        first = None if self.behaviour.never_pair else self._waiting.pop(stream_id, None)
        if first is not None and not first.joined.done():
            tunnel = Tunnel(stream_id, first, stream, self._clock.now(), self.behaviour, self.journal)
            self._tunnels.append(tunnel)
            first.joined.set_result(tunnel)
            stream.joined.set_result(tunnel)
            return tunnel
        self._waiting[stream_id] = stream
        try:
            with self.journal.opened(WAITING):
                return await stream.joined
        finally:
            if self._waiting.get(stream_id) is stream:
                del self._waiting[stream_id]

    def _leave(self, stream: RouterStream) -> None:
        if stream.joined.done() and not stream.joined.cancelled():
            tunnel = stream.joined.result()
            if tunnel.leave(stream):
                self._tunnels.remove(tunnel)


def _identity(host: str, certificate: Certificate | None, plaintext: bool) -> tuple[bytes, Certificate | None]:
    if plaintext:
        return b"", None
    if certificate is not None:
        return certificate.certificate, certificate
    authority = Authority()
    return authority.pem, authority.issue(*dict.fromkeys((host, "127.0.0.1", "localhost")))


def _handler(stream: Callable[[Any, Any], Any]) -> grpc.GenericRpcHandler[Any, Any]:
    # Without serializers: frames pass as the bytes that they are on the wire.
    return grpc.method_handlers_generic_handler(ROUTER, {"Stream": grpc.stream_stream_rpc_method_handler(stream)})


def _found(given: list[Any]) -> str:
    return f"{len(given)} authorization values" if len(given) != 1 else "not a bearer token"
