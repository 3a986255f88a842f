"""Fetch the certificate that a server shows, on the event loop; see ``common.tls_pinning``."""

from __future__ import annotations

import asyncio
import ssl

from JumpstarterLibrary.common.tls_pinning import CONNECT_S, RESOLVE_S, fetch_certificate, resolve
from JumpstarterLibrary.errors import LinkError, TlsError

DEFAULT_PORT = 443


async def shown_certificate(endpoint: str) -> bytes:
    """Return, as PEM, the certificate that the server at ``host:port`` shows.

    All resolved addresses are tried at once. Resolving takes at most 5 seconds, connecting another 5.

    Raises:
        LinkError: The name did not resolve, or no server answered.
        TlsError: A server answered, but not with TLS.
    """
    host, port = split(endpoint)
    try:
        async with asyncio.timeout(RESOLVE_S):
            addresses = await asyncio.wrap_future(resolve(host, port).first)
    except TimeoutError as error:
        raise LinkError(f"The host name '{host}' could not be resolved within {RESOLVE_S:g} seconds.") from error
    except OSError as error:
        raise LinkError(f"The host name '{host}' could not be resolved: {error}. Check the endpoint.") from error
    attempts = fetch_certificate(host, addresses)
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.wrap_future(attempts.first)
    except ssl.SSLError as error:
        raise TlsError(f"{endpoint} does not speak TLS: {error.reason or error}.") from error
    except OSError as error:
        raise LinkError(f"No connection to {endpoint}: {attempts.failure or 'there was no answer in time'}.") from error


def split(endpoint: str) -> tuple[str, int]:
    """Return host and port of an endpoint; without a port it is 443."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or not port.isdecimal() or host.endswith(":"):
        return endpoint.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)
