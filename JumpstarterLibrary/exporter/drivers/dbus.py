"""Connections to a message bus of the exporter's system."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver, exportstream
from JumpstarterLibrary.exporter.drivers.network import NetworkInterface, connected
from JumpstarterLibrary.exporter.streams import SocketStream

KIND_LABEL = "jumpstarter.dev/dbusnetwork/kind"
"""The label that tells clients which bus it is."""

_NEEDED = {"unix": ("path", "abstract"), "tcp": ("host", "port")}
_VARIABLES = {"system": "DBUS_SYSTEM_BUS_ADDRESS", "session": "DBUS_SESSION_BUS_ADDRESS"}


@dataclass(kw_only=True, eq=False)
class DbusNetwork(NetworkInterface, Driver):
    """A D-Bus message bus. The environment variables of the exporter say where it is, or the usual place is taken.

    Attributes:
        kind: ``system`` or ``session``.
        scheme: ``unix`` or ``tcp``.
        args: The rest of the bus's address, by key.
    """

    kind: Literal["system", "session"]
    scheme: str | None = field(init=False, default=None)
    args: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the bus's address.

        Raises:
            ConfigurationError: There is no such kind, or the address cannot be used.
        """
        super().__post_init__()
        if self.kind not in _VARIABLES:
            raise ConfigurationError(f"A message bus is of kind 'system' or 'session', not {self.kind!r}.")
        usual = {
            "system": "unix:path=/run/dbus/system_bus_socket",
            "session": f"unix:path=/run/user/{os.getuid()}/bus",
        }
        self.scheme, self.args = parse_address(os.environ.get(_VARIABLES[self.kind], usual[self.kind]))

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_network.client.DbusNetworkClient"

    def extra_labels(self) -> dict[str, str]:
        """Return the label that tells which bus it is."""
        return {KIND_LABEL: self.kind}

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SocketStream]:
        """Connect to the message bus.

        Raises:
            ConnectionError: No bus answers there.
        """
        if self.scheme == "unix":
            path = self.args.get("path") or f"\0{self.args['abstract']}"
            connecting, place = SocketStream.connect_unix(path), f"the message bus at {path.replace(chr(0), '@')}"
        else:
            host, port = self.args["host"], self.args["port"]
            connecting, place = SocketStream.connect_tcp(host, port), f"the message bus at {host}:{port}"
        self.logger.debug("connecting to %s", place)
        async with await connected(connecting, place) as stream:
            yield stream


def parse_address(text: str) -> tuple[str, dict[str, Any]]:
    """Return the scheme and the arguments of the first address in a list that can be used.

    Args:
        text: Addresses as the D-Bus specification has them: ``unix:path=/run/bus;tcp:host=h,port=1``.

    Raises:
        ConfigurationError: None can.
    """
    for address in filter(None, text.split(";")):
        scheme, _, rest = address.partition(":")
        pairs = (part.partition("=") for part in rest.split(",") if part)
        arguments: dict[str, Any] = {key: unquote(value) for key, _, value in pairs}
        if scheme == "unix" and any(arguments.get(key) for key in _NEEDED["unix"]):
            return scheme, arguments
        if scheme == "tcp" and arguments.get("host") and str(arguments.get("port")).isdecimal():
            return scheme, {**arguments, "port": int(arguments["port"])}
    raise ConfigurationError(
        f"The message bus address {text!r} cannot be used. "
        "Set one like 'unix:path=/run/dbus/system_bus_socket' or 'tcp:host=127.0.0.1,port=1234'."
    )
