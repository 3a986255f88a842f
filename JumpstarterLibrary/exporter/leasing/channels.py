"""gRPC channels to controllers, which exporters of one process share, and to routers, of which each tunnel has its own.

gRPC's asyncio channels do not share connections by themselves: two hundred exporters of a lab would hold two hundred,
and take 40 MiB more.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from JumpstarterLibrary.exporter.leasing.access import ControllerAccess
from JumpstarterLibrary.exporter.leasing.pinning import shown_certificate, split
from JumpstarterLibrary.protocol import ControllerStub

USERS_LIMIT = 50
"""Exporters on one connection. Each has up to three calls open, and servers may refuse more than 250 on one."""


class SharedChannel:
    """A channel, the controller's RPCs on it, and how many exporters use it."""

    def __init__(self, channel: Any, key: object) -> None:
        self.channel = channel
        self.stub = ControllerStub(channel)
        self.key = key
        self.users = 0


class Channels:
    """The channels to controllers of one event loop."""

    def __init__(self) -> None:
        self._open: dict[object, list[SharedChannel]] = {}

    async def take(self, access: ControllerAccess) -> SharedChannel:
        """Return a channel to a controller, to be given back.

        Raises:
            LinkError: The certificate of an insecure connection could not be fetched.
            TlsError: It could not be fetched, since the controller does not speak TLS.
        """
        if access.insecure and not access.plaintext:
            # The certificate that is shown now counts, so that no other exporter's channel will do.
            return self._use(SharedChannel(await open_channel(access, access.endpoint), object()))
        key = (access.endpoint, access.ca, access.plaintext, access.channel_options())
        for shared in self._open.get(key, ()):
            if shared.users < USERS_LIMIT:
                return self._use(shared)
        return self._use(SharedChannel(await open_channel(access, access.endpoint), key))

    async def give_back(self, shared: SharedChannel) -> None:
        """Say that one exporter does not use a channel any more; the last one closes it."""
        shared.users -= 1
        if shared.users:
            return
        channels = self._open[shared.key]
        channels.remove(shared)
        if not channels:
            del self._open[shared.key]
        await shared.channel.close(None)

    def _use(self, shared: SharedChannel) -> SharedChannel:
        shared.users += 1
        if shared.users == 1:
            self._open.setdefault(shared.key, []).append(shared)
        return shared


_CHANNELS: WeakKeyDictionary[asyncio.AbstractEventLoop, Channels] = WeakKeyDictionary()


def shared_channels() -> Channels:
    """Return the running event loop's channels to controllers."""
    return _CHANNELS.setdefault(asyncio.get_running_loop(), Channels())


async def open_channel(access: ControllerAccess, endpoint: str, *, alone: bool = False) -> grpc.aio.Channel:
    """Return a new channel to a controller or router. Only an insecure one sends something at once.

    Args:
        access: How it is secured.
        endpoint: Where to, ``host:port``.
        alone: Never share a connection with another channel.

    Raises:
        LinkError: The certificate of an insecure connection could not be fetched.
        TlsError: It could not be fetched, since the server there does not speak TLS.
    """
    options = list(access.channel_options())
    if alone:
        options.append(("grpc.use_local_subchannel_pool", 1))
    if _loopback(endpoint):
        options.append(("grpc.enable_http_proxy", 0))
    if access.plaintext:
        return grpc.aio.insecure_channel(endpoint, options=options)
    roots = await shown_certificate(endpoint) if access.insecure else access.ca
    return grpc.aio.secure_channel(endpoint, grpc.ssl_channel_credentials(roots), options=options)


def _loopback(endpoint: str) -> bool:
    host = split(endpoint)[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
