"""Trust on first use: fetch the certificate that a server shows, to verify the real connection against it.

gRPC cannot be told to skip verification. Upstream's insecure mode therefore connects once without verifying and makes
what the server showed the only root of trust; the host name is still checked. So do both ends here. Each waits by its
own clock and says by itself what failed.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

RESOLVE_S = 5.0
"""Seconds that resolving a host name may take."""

CONNECT_S = 5.0
"""Seconds that connecting and the handshake may take, to all addresses together."""

LEAST_S = 0.001
"""What a step gets when they are over: a socket takes 0 for a wait of another kind."""

Result = TypeVar("Result")

SocketAddress: TypeAlias = tuple[socket.AddressFamily, tuple[Any, ...]]


class Attempts(Generic[Result]):
    """Attempts that run at once, each in a daemon thread.

    Args:
        attempts: Functions that return a result or raise an OSError.

    Attributes:
        first: The first result; the last failure if none succeeds. It cannot be cancelled.
        failure: The last failure so far that is more than a lack of time.
    """

    def __init__(self, attempts: Iterable[Callable[[], Result]]) -> None:
        self.first: Future[Result] = Future()
        self.first.set_running_or_notify_cancel()
        self.failure: OSError | None = None
        self._lock = threading.Lock()
        functions = list(attempts)
        self._running = len(functions)
        for function in functions:
            threading.Thread(target=self._run, args=(function,), name="jumpstarter-pin", daemon=True).start()

    def _run(self, attempt: Callable[[], Result]) -> None:
        try:
            result = attempt()
        except UnicodeError:  # what Python says of a host name that cannot be depends on its version
            self._fail(OSError("a part of it is empty or too long"))
        except OSError as error:
            self._fail(error)
        else:
            with self._lock:
                if not self.first.done():
                    self.first.set_result(result)

    def _fail(self, error: OSError) -> None:
        with self._lock:
            if not isinstance(error, TimeoutError):
                self.failure = error
            self._running -= 1
            if not self._running and not self.first.done():
                self.first.set_exception(self.failure or error)


def resolve(host: str, port: int) -> Attempts[list[SocketAddress]]:
    """Begin to resolve a host name; the result is the addresses to connect to."""

    def addresses() -> list[SocketAddress]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((family, where) for family, _, _, _, where in found))

    return Attempts([addresses])


def fetch_certificate(host: str, addresses: Iterable[SocketAddress]) -> Attempts[bytes]:
    """Begin to connect to all addresses of a server; the result is the certificate that it shows first, as PEM.

    Args:
        host: The server's name, for virtual hosts.
        addresses: Its addresses.
    """
    return Attempts(partial(_handshake, host, address) for address in addresses)


def _handshake(host: str, address: SocketAddress, limit_s: float = CONNECT_S) -> bytes:
    family, where = address
    end = time.monotonic() + limit_s
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(limit_s)
        plain.connect(where)
        # The limit of a socket is one for the whole handshake, however slowly its bytes come.
        plain.settimeout(max(LEAST_S, end - time.monotonic()))
        with context.wrap_socket(plain, server_hostname=host) as secure:
            certificate = secure.getpeercert(binary_form=True)
    if certificate is None:
        raise ssl.SSLError("the server showed no certificate")
    return ssl.DER_cert_to_PEM_cert(certificate).encode()
