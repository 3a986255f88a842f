"""Trust on first use: fetch the certificate that a server shows, to verify the real connection against it.

gRPC cannot be told to skip verification. Upstream's insecure mode therefore connects once without verifying and makes
what the server showed the only root of trust; the host name is still checked. So do we.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import deque

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, format_duration
from JumpstarterLibrary.errors import LinkError, TlsError
from JumpstarterLibrary.hints import Hint

RESOLVE_S = 5.0
CONNECT_S = 5.0


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
    addresses = _first_answer(
        deadline.within(RESOLVE_S), [lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    )
    if isinstance(addresses, OSError):
        raise LinkError(
            f"The host name '{host}' could not be resolved: {_words(addresses)}. Check the name and the network."
        )
    families = {(info[0], info[4]): None for info in addresses}
    limit = deadline.within(CONNECT_S)
    answer = _first_answer(limit, [lambda a=address: _handshake(host, a, limit) for address in families])
    if isinstance(answer, ssl.SSLError):
        raise TlsError(f"{host}:{port} does not speak TLS: {answer.reason or answer}.", hint=hint)
    if isinstance(answer, OSError):
        raise LinkError(
            f"No connection to {host}:{port}: {_words(answer)}. Check the address, and that a server listens there."
        )
    return ssl.DER_cert_to_PEM_cert(answer).encode()


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _handshake(host: str, where: tuple[socket.AddressFamily, tuple[object, ...]], limit: Deadline) -> bytes:
    family, address = where
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(limit.remaining)
        plain.connect(address)
        with context.wrap_socket(plain, server_hostname=host) as secure:
            certificate = secure.getpeercert(binary_form=True)
    if certificate is None:
        raise ssl.SSLError("the server showed no certificate")
    return certificate


def _first_answer(limit: Deadline, attempts):  # type: ignore[no-untyped-def]
    """Run all attempts at once, each in a daemon thread; return the first success, or the last OSError."""
    answers: deque[object] = deque()
    arrived = threading.Condition()

    def answer_with(answer: object) -> None:
        with arrived:
            answers.append(answer)
            arrived.notify()

    def run(attempt) -> None:  # type: ignore[no-untyped-def]
        try:
            answer_with(attempt())
        except OSError as error:
            answer_with(error)
        except UnicodeError:  # what Python says of them depends on its version
            answer_with(OSError("a part of it is empty or too long"))

    for attempt in attempts:
        threading.Thread(target=run, args=(attempt,), name="jumpstarter-pin", daemon=True).start()
    error: OSError = TimeoutError(f"no answer within {format_duration(limit.timeout or 0)}")
    for _ in attempts:
        with arrived:
            while not answers and not limit.expired:
                clock.wait(arrived, limit.remaining)
            if not answers:
                return error
            answer = answers.popleft()
        if not isinstance(answer, OSError):
            return answer
        error = answer
    return error
