"""Addresses of network services, as clients are told them."""

from __future__ import annotations

import socket

from JumpstarterLibrary.common.values import PORT_LIMIT, shown
from JumpstarterLibrary.errors import ConfigurationError


def is_ipv6(host: str) -> bool:
    """Tell whether a host is an IPv6 address, without brackets."""
    return _is_address(socket.AF_INET6, host)


def is_ipv4(host: str) -> bool:
    """Tell whether a host is an IPv4 address."""
    return _is_address(socket.AF_INET, host)


def resolved(host: str) -> str:
    """Return a host's first IP address; IP addresses as they are.

    Raises:
        ConnectionError: The name cannot be resolved here.
    """
    if is_ipv4(host) or is_ipv6(host):
        return host
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "it is no host name"
        raise ConnectionError(f"The exporter cannot resolve {host!r}: {reason}.") from error
    return str(found[0][4][0])


def joined(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if is_ipv6(host) else f"{host}:{port}"


def told(scheme: str, host: str, port: int, allowed: bool) -> str:
    """Return ``scheme://ip:port`` for a client that asks.

    Raises:
        ValueError: The configuration does not allow it.
        ConnectionError: The name cannot be resolved here.
    """
    check_allowed(allowed)
    return f"{scheme}://{joined(resolved(host), port)}"


def check_port(port: object) -> None:
    """Check the port of a driver's configuration.

    Raises:
        ConfigurationError: It is beyond the last one.
    """
    if isinstance(port, int) and not 0 <= port <= PORT_LIMIT:
        raise ConfigurationError(f"'port' is a port from 0 to {PORT_LIMIT}, not {shown(port)}.")


def check_allowed(allowed: bool) -> None:
    """Check that a driver may tell its address.

    Raises:
        ValueError: The configuration does not allow it.
    """
    if not allowed:
        raise ValueError(
            "This driver does not tell its address: its enable_address mode is not true. "
            "Use its stream, or set 'enable_address: true' in the exporter."
        )


def _is_address(family: socket.AddressFamily, host: str) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True
