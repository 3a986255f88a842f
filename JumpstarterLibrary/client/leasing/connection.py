"""A client's connection to its controller: calls with a token that may be renewed, and the routers behind it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from JumpstarterLibrary.client.address import Address
from JumpstarterLibrary.client.channel import RECEIVE_LIMIT
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration
from JumpstarterLibrary.client.interrupts import interruptible, pause, started, wait, watch_end
from JumpstarterLibrary.client.leasing.refusals import (
    LimitReached,
    Peer,
    status_of,
    still_starting,
    token_expired,
    translate_control,
)
from JumpstarterLibrary.client.link import CLOSE_S
from JumpstarterLibrary.client.peer_text import clean_message
from JumpstarterLibrary.client.pinning import fetch_certificate
from JumpstarterLibrary.client.settings import ClientArguments, ClientSettings, find_settings
from JumpstarterLibrary.errors import ConfigurationError, ControllerUnreachable
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.protocol import ClientStub, ControllerStub, RouterStub, jumpstarter_pb2

logger = logging.getLogger(__name__)

CALL_S = 10.0
"""How long the controller may take for an answer, unless the caller has less time."""

START_S = 20.0
"""How long a controller that has just started may take to accept its clients, unless the caller has less time."""

START_PAUSE_S = 0.5
"""Seconds between two calls to a controller that accepts no client yet."""

TICK_S = 0.2
"""Seconds between two calls of ``waiting`` while a slow answer is awaited."""

DEFAULT_PORT = 443

ROUTER_TOKENS = 8
"""Tokens for routers that are kept, to be masked: they end soon, and each new way to an exporter has another one."""

KEEPALIVE: dict[str, str | int] = {
    # A peer that vanished from the network says nothing; controllers and routers let themselves be asked this often.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.max_pings_without_data": 0,
    "grpc.keepalive_permit_without_calls": 1,
}


class ControllerConnection:
    """A client's connection to its controller; made at once, used from any thread, open until ``close``.

    Every call takes at most 10 seconds or the time that its caller has left. An expired token is read anew from the
    configuration, once, since a login elsewhere may have renewed it.

    Args:
        settings: Endpoint, identity and token.
        timeout: For fetching the certificate where the settings are insecure. Default: its own limits.

    Attributes:
        clients: The stub of the client service; see ``call``.

    Raises:
        LinkError: An insecure controller cannot be reached.
    """

    def __init__(self, settings: ClientSettings, timeout: Seconds = None) -> None:
        self.settings = settings
        self.namespace = settings.namespace
        self.client = settings.name
        self._tokens = list(settings.tokens)
        self._router_tokens: deque[str] = deque(maxlen=ROUTER_TOKENS)
        who = f"{settings.namespace}/{settings.name}"
        self.peer = Peer("controller", settings.endpoint, who, settings.source, lambda: self.secrets)
        self._token = settings.token
        self._lock = threading.Lock()
        self._routers: dict[str, grpc.Channel] = {}
        self._retired: list[grpc.Channel] = []
        self._channel = self._open(settings.endpoint, Deadline.of(timeout))
        self.clients = ClientStub(self._channel, clean_message)
        self._control = ControllerStub(self._channel, clean_message)
        self._closed = False

    def _open(self, endpoint: str, deadline: Deadline) -> grpc.Channel:
        settings = self.settings
        return open_secure_channel(endpoint, settings.ca, settings.insecure, settings.grpc_options, deadline)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (
            ("authorization", f"Bearer {self._token}"),
            ("jumpstarter-kind", "Client"),
            ("jumpstarter-namespace", self.namespace),
            ("jumpstarter-name", self.client),
        )

    @property
    def secrets(self) -> list[str]:
        """All tokens that the client has had so far, and the last ones that it got for routers."""
        return [*self._tokens, *self._router_tokens]

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return self._closed

    # The way to an exporter

    def dial(
        self, lease: str, timeout: Seconds, waiting: Callable[[], object] = lambda: None
    ) -> jumpstarter_pb2.DialResponse:
        """Ask for a way to a lease's exporter. The raw gRPC error is raised, because each means something else here.

        Args:
            lease: The lease.
            timeout: How long the controller may hold its answer back, until the exporter is ready.
            waiting: Called several times a second meanwhile; what it raises ends the wait.

        Raises:
            grpc.RpcError: The controller's status, unchanged.
        """
        request = jumpstarter_pb2.DialRequest(lease_name=lease)
        limit = Deadline.of(timeout)
        answer: jumpstarter_pb2.DialResponse = self._renewing(
            lambda: self._patiently(self._control.dial, request, limit, waiting)
        )
        self._router_tokens.append(answer.router_token)
        return answer

    def router(self, endpoint: str, deadline: Deadline) -> RouterStub:
        """Return the stub of a router; all tunnels through one router share a connection.

        Raises:
            LinkError: The settings are insecure, and the router cannot be reached.
        """
        with self._lock:
            channel = self._routers.get(endpoint)
        if channel is None:
            fresh = self._open(endpoint, deadline)
            with self._lock:
                # One that is closed already makes calls fail, as any other of a closed controller.
                channel = fresh if self._closed else self._routers.setdefault(endpoint, fresh)
            if channel is not fresh or self._closed:
                fresh.close()
        return RouterStub(channel)

    def forget_router(self, endpoint: str) -> None:
        """Open a new connection to a router next time: what it showed as its certificate may have changed."""
        if self.settings.insecure:
            with self._lock:
                channel = self._routers.pop(endpoint, None)
                if channel is not None:
                    # Other tunnels may still go through it.
                    self._retired.append(channel)

    # Calls

    def call(
        self,
        method: Any,
        request: Any,
        asked: str,
        timeout: Seconds,
        *,
        subject: str | None = None,
        patient: bool = True,
    ) -> Any:
        """Make a call of the client service, and return its answer.

        Args:
            method: The stub's method; see ``clients``.
            request: Its message.
            asked: What is asked for, in words.
            timeout: How long it may take, up to 10 seconds, or 20 where the controller has just started.
            subject: What the controller knows nothing of if it does not find it. Default: what was asked for.
            patient: Whether the call is made again where the controller has just started, and accepts no client yet.

        Raises:
            LeaseError: The controller refused.
            LinkError: The controller cannot be reached, or refuses this client.
        """
        patience = Deadline.of(timeout).within(START_S)
        starting: grpc.RpcError | None = None
        try:
            while True:
                limit = patience.within(CALL_S)
                try:
                    return self.raw_call(method, request, limit)
                except grpc.RpcError as error:
                    again = patient and patience.at_most(START_PAUSE_S) == START_PAUSE_S
                    if not again or not still_starting(error):
                        # The last call may have had little time; why the one before it was refused says more.
                        late = status_of(error)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
                        cause = starting if starting is not None and late else error
                        raise translate_control(cause, asked, self.peer, limit, subject) from cause
                    if starting is None:
                        self._tell_start(asked, patience)
                    starting = error
                pause(START_PAUSE_S)
        except ValueError as error:
            # What gRPC raises when the channel is closed.
            if not self._closed:
                raise
            raise ControllerUnreachable(
                f"The connection to {self.peer} is closed, so that it cannot be asked for {asked}."
            ) from error

    def _tell_start(self, asked: str, patience: Deadline) -> None:
        limit = format_duration(patience.timeout or START_S)
        logger.warning(
            "The %s has just started, and accepts no client yet. It is asked for %s again, for at most %s.",
            *(self.peer, asked, limit),
        )

    def raw_call(self, method: Any, request: Any, timeout: Seconds) -> Any:
        """Make a call like ``call``, whose caller alone knows what an error means.

        Raises:
            grpc.RpcError: The controller's status, unchanged.
            ValueError: The connection is closed.
        """
        limit = Deadline.of(timeout).within(CALL_S)
        return self._renewing(lambda: self._once(method, request, limit))

    def _renewing(self, call: Callable[[], Any]) -> Any:
        """Make a call, and make it again with a new token if it was refused for the old one."""
        token = self._token
        try:
            return call()
        except grpc.RpcError as error:
            # What was refused for its token was not carried out, so that it may be repeated.
            if not token_expired(error) or not self.renew_token(token):
                raise
        return call()

    def _once(self, method: Any, request: Any, limit: Deadline) -> Any:
        with interruptible:
            return method(request, timeout=limit.remaining, metadata=self._metadata)

    def _patiently(self, method: Any, request: Any, limit: Deadline, waiting: Callable[[], object]) -> Any:
        with interruptible:
            call = started(lambda: method.future(request, timeout=limit.remaining, metadata=self._metadata))
        try:
            ended = watch_end(call)
            while not wait(ended, limit.at_most(TICK_S)):
                waiting()
                if limit.expired:
                    raise LimitReached
            with interruptible:
                return call.result()
        finally:
            with interruptible:
                call.cancel()

    def renew_token(self, old: str) -> bool:
        """Read the token anew from the configuration file; return whether there is another one than the old one."""
        if self._token != old:
            return True  # another thread was quicker
        if self.settings.path is None:
            return False
        try:
            settings = find_settings(ClientArguments(config=self.settings.path))
        except ConfigurationError as error:
            logger.debug("the token could not be read anew: %s", error)
            return False
        token = settings.token
        if token == old:
            return False
        self._tokens.extend(settings.tokens)
        logger.info("The token of client %s was renewed meanwhile; the new one is used.", self.peer.client)
        self._token = token
        return True

    def close(self) -> None:
        """Close all channels; calls in flight end with an error. Closing twice is fine; it takes 2 seconds at most."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            channels = [self._channel, *self._routers.values(), *self._retired]
            self._routers.clear()

        def close() -> None:
            for channel in channels:
                channel.close()

        closing = threading.Thread(target=close, name="jumpstarter-close", daemon=True)
        with interruptible:
            closing.start()
            closing.join(CLOSE_S)


def open_secure_channel(
    endpoint: str, ca: bytes | None, insecure: bool, options: Mapping[str, str | int], deadline: Deadline
) -> grpc.Channel:
    """Return a TLS channel. Nothing is sent yet, except that ``insecure`` fetches the certificate.

    Args:
        endpoint: ``HOST:PORT``; the port is 443 unless given.
        ca: PEM bundle of the authorities to trust; None for the system's.
        insecure: Trust the certificate that the server shows now. The host name is still checked.
        options: Channel arguments, beside and above our own.
        deadline: When fetching the certificate gives up, if its own limits do not end it earlier.

    Raises:
        ConfigurationError: The endpoint is no ``HOST:PORT``.
        LinkError: ``insecure`` found no server.
        TlsError: ``insecure`` found a server that does not speak TLS.
    """
    address = Address.parse(endpoint)
    if address.path is not None:
        address = Address.parse(f"{endpoint}:{DEFAULT_PORT}")
    if address.host is None or "/" in endpoint:
        raise ConfigurationError(f"The endpoint '{endpoint}' is no HOST:PORT. Correct it in the client configuration.")
    arguments: dict[str, str | int] = {
        "grpc.max_receive_message_length": RECEIVE_LIMIT,
        "grpc.use_local_subchannel_pool": 1,
        "grpc.initial_reconnect_backoff_ms": 100,
        "grpc.max_reconnect_backoff_ms": 1000,
        **KEEPALIVE,
    }
    if address.loopback:
        arguments["grpc.enable_http_proxy"] = 0
    arguments.update(options)
    roots = fetch_certificate(address.host, address.port, deadline, Hint.CHECK_ENDPOINT) if insecure else ca
    return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(roots), options=list(arguments.items()))


def call_credentials(kind: str, namespace: str | None, name: str, token: str) -> grpc.CallCredentials:
    """Return the credentials by which gRPC itself tells a controller who calls, for channels of others.

    Args:
        kind: ``Client`` or ``Exporter``.
        namespace: Its namespace.
        name: Its name.
        token: Its token.
    """
    identity = (
        ("jumpstarter-kind", kind),
        ("jumpstarter-namespace", namespace or ""),
        ("jumpstarter-name", name),
    )

    def tell(_context: grpc.AuthMetadataContext, answer: grpc.AuthMetadataPluginCallback) -> None:
        answer(identity, None)

    told = grpc.metadata_call_credentials(tell)  # type: ignore[arg-type] # a function will do
    return grpc.composite_call_credentials(told, grpc.access_token_call_credentials(token))
