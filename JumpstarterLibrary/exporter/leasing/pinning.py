"""Trust on first use: the certificate that a server shows becomes the only one that is trusted.

gRPC cannot be told to skip verification. Upstream's insecure mode therefore connects once without verifying and takes
what it was shown as root of trust; the host name is still checked. The same is done here.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from JumpstarterLibrary.errors import LinkError, TlsError

RESOLVE_S = 5.0
CONNECT_S = 5.0
DEFAULT_PORT = 443


async def shown_certificate(endpoint: str) -> bytes:
    """Return, as PEM, the certificate that the server at ``host:port`` shows.

    All resolved addresses are tried at once. Resolving takes at most 5 seconds, connecting another 5.

    Raises:
        LinkError: The name did not resolve, or no server answered.
        TlsError: A server answered, but not with TLS.
    """
    host, port = split(endpoint)
    addresses = await _resolve(host, port)
    attempts = [asyncio.create_task(_handshake(host, *address)) for address in addresses]
    try:
        return await _first(endpoint, attempts)
    finally:
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)


def split(endpoint: str) -> tuple[str, int]:
    """Return host and port of an endpoint; without a port it is 443."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or not port.isdecimal() or host.endswith(":"):
        return endpoint.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port)


async def _resolve(host: str, port: int) -> set[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(host, port)
    except TimeoutError as error:
        raise LinkError(f"The host name '{host}' could not be resolved within {RESOLVE_S:g} seconds.") from error
    except (OSError, UnicodeError) as error:
        raise LinkError(f"The host name '{host}' could not be resolved: {error}. Check the endpoint.") from error
    return {(str(address[4][0]), port) for address in found}


async def _first(endpoint: str, attempts: list[asyncio.Task[bytes]]) -> bytes:
    """Return what the first attempt that succeeds gives."""
    failure: BaseException = OSError("there was no answer in time")
    for attempt in asyncio.as_completed(attempts, timeout=CONNECT_S):
        try:
            return await attempt
        except (OSError, TimeoutError) as error:
            failure = error
    if isinstance(failure, ssl.SSLError):
        raise TlsError(f"{endpoint} does not speak TLS: {failure.reason or failure}.") from failure
    raise LinkError(f"No connection to {endpoint}: {failure or 'there was no answer in time'}.") from failure


async def _handshake(host: str, address: str, port: int) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    try:
        secure: Any = writer.get_extra_info("ssl_object")
        certificate: bytes | None = secure.getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if certificate is None:
        raise ssl.SSLError("the server showed no certificate")
    return ssl.DER_cert_to_PEM_cert(certificate).encode()
