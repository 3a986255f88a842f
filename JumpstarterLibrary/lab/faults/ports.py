"""The port of a server that is away and will come back."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def kept(endpoint: str) -> Iterator[None]:
    """Keep a port while no server listens there: connections are refused, and no other program can take it meanwhile.

    Other labs of this machine ask for free ports all the time, and would get it.

    Args:
        endpoint: ``host:port``, where a server has just stopped listening.
    """
    host, _, port = endpoint.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            keeper.bind((host.strip("[]"), int(port)))
        except OSError as error:
            _log.debug("the port %s cannot be kept: %s", endpoint, error)
        yield
