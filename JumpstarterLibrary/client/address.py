"""Where an exporter listens: a unix socket path, or a TCP host and port."""

from __future__ import annotations

import re
from dataclasses import dataclass

from JumpstarterLibrary.common.values import PORT_LIMIT, InvalidValue, check_port, one_line
from JumpstarterLibrary.errors import ConfigurationError

_TCP = re.compile(r"(?P<host>.+):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """A parsed ``host`` setting.

    Attributes:
        path: The unix socket path; None for TCP.
        host: The TCP host, IPv6 without brackets; None for a unix socket.
        port: The TCP port; 0 for a unix socket.
    """

    path: str | None = None
    host: str | None = None
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address in a text: ``HOST:PORT`` is TCP, anything else a unix socket path.

        That is upstream's rule. A ``unix:`` or ``unix://`` prefix is accepted too.

        Raises:
            ConfigurationError: The port is beyond the last one.
        """
        if not text.startswith("unix:"):
            if "/" not in text:
                _check_port(text)
            match = _TCP.fullmatch(text)
            if match and 1 <= int(match["port"]) <= PORT_LIMIT:
                return cls(host=match["host"].removeprefix("[").removesuffix("]"), port=int(match["port"]))
        return cls(path=text.removeprefix("unix:").removeprefix("//") if text.startswith("unix:") else text)

    @property
    def target(self) -> str:
        """The name by which gRPC finds it."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in (self.host or "") else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine, where a proxy server must never be asked."""
        host = self.host or "localhost"
        return host == "localhost" or host == "::1" or host.startswith("127.")

    def __str__(self) -> str:
        return self.path if self.path is not None else self.target


def _check_port(text: str) -> None:
    try:
        check_port(text)
    except InvalidValue as error:
        raise ConfigurationError(
            f"The address '{one_line(text)}' {error}. If it is the name of a unix socket, write 'unix:' before it."
        ) from None
