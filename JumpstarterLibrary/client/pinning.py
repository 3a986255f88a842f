"""Fetch the certificate that a server shows; see ``common.tls_pinning``."""

from __future__ import annotations

import ssl
import threading
from typing import TypeVar

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.common import tls_pinning
from JumpstarterLibrary.common.tls_pinning import CONNECT_S, RESOLVE_S, Attempts
from JumpstarterLibrary.errors import LinkError, TlsError
from JumpstarterLibrary.hints import Hint

Result = TypeVar("Result")


def fetch_certificate(host: str, port: int, deadline: Deadline, hint: Hint = Hint.USE_PLAINTEXT) -> bytes:
    """Return, as PEM, the certificate that the server at ``host:port`` shows.

    All resolved addresses are tried at once; the first that completes a handshake wins. Resolving takes at most 5
    seconds, connecting at most another 5, and both together no longer than the deadline.

    Args:
        host: The server's name or address.
        port: Its port.
        deadline: When to give up.
        hint: What to try if it does not speak TLS.

    Raises:
        LinkError: The name did not resolve, or no server answered.
        TlsError: A server answered, but not with TLS.
    """
    try:
        addresses = _first(deadline.within(RESOLVE_S), tls_pinning.resolve(host, port))
    except OSError as error:
        raise LinkError(
            f"The host name '{host}' could not be resolved: {_words(error)}. Check the name and the network."
        ) from error
    try:
        return _first(deadline.within(CONNECT_S), tls_pinning.fetch_certificate(host, addresses))
    except ssl.SSLError as error:
        raise TlsError(f"{host}:{port} does not speak TLS: {error.reason or error}.", hint=hint) from error
    except OSError as error:
        raise LinkError(
            f"No connection to {host}:{port}: {_words(error)}. Check the address, and that a server listens there."
        ) from error


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _first(limit: Deadline, attempts: Attempts[Result]) -> Result:
    """Return the first result of attempts.

    Raises:
        OSError: The last failure; a TimeoutError where there was none within the limit.
    """
    arrived = threading.Event()
    attempts.first.add_done_callback(lambda _: arrived.set())
    clock.wait(arrived, limit.remaining)
    try:
        if attempts.first.done():
            return attempts.first.result()
    except TimeoutError:  # of a socket, whose limit is the same
        pass
    raise attempts.failure or TimeoutError(f"no answer within {format_duration(limit.timeout or 0)}")
