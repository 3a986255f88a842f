"""Fetching a URL for a client: presigned GET requests.

The exporter asks in its own name, from its own place in the network. So it goes to no link-local address, and to its
own host only for clients of that host (``fetch_policy``); no redirect leads from https to http, or from elsewhere to
its own host.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from JumpstarterLibrary.common.environment import FETCH_LOOPBACK
from JumpstarterLibrary.common.urls import redacted_url
from JumpstarterLibrary.exporter.streams import READ_SIZE, EndOfStream
from JumpstarterLibrary.exporter.workers import WorkerPool

REDIRECT_LIMIT = 10
"""Redirects that are followed."""

SILENCE_LIMIT_S = 60.0
"""Seconds that a server may keep silent."""

_REDIRECTS = {301, 302, 303, 307, 308}
_SCHEMES = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CREDENTIAL_WORDS = ("auth", "cookie", "credential", "key", "password", "secret", "session", "signature", "token")


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")

_LOOPBACK: ContextVar[bool] = ContextVar("exporter_fetch_loopback", default=True)


class ResourceError(Exception):
    """A resource that cannot be opened or read."""


@contextmanager
def fetch_policy(*, loopback: bool) -> Iterator[None]:
    """Say whether what is fetched inside may come from the exporter's own host, also in threads that are started.

    Args:
        loopback: Whether it may. The environment variable ``JUMPSTARTER_FETCH_LOOPBACK=1`` says so for all.
    """
    token = _LOOPBACK.set(loopback)
    try:
        yield
    finally:
        _LOOPBACK.reset(token)


class PresignedSource:
    """The body of a fetched URL. Blocking HTTP in a thread, without reading ahead: the reader sets the pace."""

    def __init__(self, request: _Request, workers: WorkerPool) -> None:
        self._request = request
        self._workers = workers

    @classmethod
    async def open(
        cls, url: str, headers: dict[str, str], timeout: float, silence: float = SILENCE_LIMIT_S
    ) -> PresignedSource:
        """Request a URL and wait for its body to begin.

        Args:
            url: An http or https URL; its percent-encoding is kept.
            headers: Request headers. Those that look like credentials do not follow a redirect to another origin. Nor
                do user and password of the URL, which are sent as the header ``Authorization`` unless there is one.
            timeout: Seconds that the whole transfer may take.
            silence: Seconds that the server may keep silent; default 60.

        Raises:
            ResourceError: There is no such thing, or no such server.
        """
        request = _Request(url, headers, time.monotonic() + timeout, silence)
        source = cls(request, WorkerPool(limit=1, name="http"))
        try:
            await source._workers.run(source._request.follow)
        except BaseException:
            await source.aclose()
            raise
        return source

    async def receive(self) -> bytes:
        """Return the next data.

        Raises:
            EndOfStream: That was all.
            ResourceError: The server broke off, or fell silent.
        """
        chunk = await self._workers.run(self._request.read)
        if not chunk:
            raise EndOfStream
        return chunk

    async def aclose(self) -> None:
        """Close the connection, also under a read that waits for the server."""
        self._request.close()
        self._workers.close()


class _Request:
    """A GET request with its redirects. Its methods block, except ``close``, which may come from another thread."""

    def __init__(self, url: str, headers: dict[str, str], deadline: float, silence: float) -> None:
        self._url = url
        self._headers = dict(headers)
        self._came_from_loopback: bool | None = None
        self._deadline = deadline
        self._silence = silence
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._remaining: int | None = None
        self._closed = False
        self._busy = Lock()

    def follow(self) -> None:
        with self._working():
            self._check_headers()
            self._follow()

    def _follow(self) -> None:
        for _ in range(REDIRECT_LIMIT + 1):
            location = self._get()
            if location is None:
                return
            self._redirect(location)
        raise ResourceError(
            f"Too many redirects: GET {redacted_url(self._url)} was redirected more than {REDIRECT_LIMIT} times."
        )

    def read(self) -> bytes:
        with self._working():
            return self._read()

    def _read(self) -> bytes:
        assert self._response is not None
        self._pace()
        try:
            chunk = self._response.read1(READ_SIZE)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error
        if chunk:
            if self._remaining is not None:
                self._remaining -= len(chunk)
        elif self._remaining:
            raise ResourceError(f"GET {redacted_url(self._url)} ended {self._remaining} bytes too early.")
        return chunk

    def close(self) -> None:
        self._closed = True
        if self._socket is not None:
            # Wakes a read that waits.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._busy.acquire(blocking=False):
            self._dispose()
            self._busy.release()

    @contextmanager
    def _working(self) -> Iterator[None]:
        try:
            with self._busy:
                yield
        finally:
            if self._closed:
                # ``close`` found this thread at work, and left the rest to it.
                self._dispose()

    def _dispose(self) -> None:
        if self._response is not None:
            self._response.close()
        if self._socket is not None:
            self._socket.close()

    def _get(self) -> str | None:
        """Send the request; return where it is redirected to, or None if the body follows."""
        parts = self._take_credentials(self._parts())
        path = quote(parts.path or "/", safe="/%:=&?~+!$,;'()*[]@")
        if parts.query:
            path += "?" + quote(parts.query, safe="/%:=&?~+!$,;'()*[]@")
        try:
            connection = _SCHEMES[parts.scheme](parts.hostname or "", parts.port, timeout=self._patience())
        except http.client.InvalidURL as error:
            raise ResourceError(self._no_url()) from error
        try:
            connection.connect()
            self._socket = connection.sock
            self._check_peer(connection.sock)
            self._pace()
            connection.request("GET", path, headers={"Accept-Encoding": "identity", **self._headers})
            response = connection.getresponse()
        except ResourceError:
            connection.close()
            raise
        except UnicodeError as error:
            # A host that is no name in any network.
            connection.close()
            raise ResourceError(self._no_url()) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise self._failure(error) from error
        return self._judge(response)

    def _check_headers(self) -> None:
        """Refuse headers that are none, without showing their values: they may be secret."""
        for name, value in self._headers.items():
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ResourceError(
                    f"GET {redacted_url(self._url)} cannot have the header {name[:80]!r}: a name has letters, digits "
                    "and signs, a value one line of Latin-1 text."
                )

    def _take_credentials(self, parts: SplitResult) -> SplitResult:
        """Take user and password out of the URL, and send them as clients do: as a header, unless there is one."""
        credentials, at, host = parts.netloc.rpartition("@")
        if at:
            pair = ":".join(map(unquote, credentials.partition(":")[::2]))
            if all(name.lower() != "authorization" for name in self._headers):
                self._headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
            parts = parts._replace(netloc=host)
            self._url = urlunsplit(parts)
        return parts

    def _check_peer(self, connected: socket.socket) -> None:
        """Refuse a server that this exporter does not ask for its clients, by its address: names may lead anywhere.

        Raises:
            ResourceError: It is link-local, or on the exporter's own host and the policy does not allow that.
        """
        address = ip_address(peer_address(connected).partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        before, self._came_from_loopback = self._came_from_loopback, address.is_loopback
        if address.is_link_local:
            why = "a link-local address, at which clouds and devices tell secrets to the hosts beside them"
        elif address.is_loopback and before is False:
            why = "the exporter's own host, to which no other server may redirect"
        elif address.is_loopback and not (_LOOPBACK.get() or os.environ.get(FETCH_LOOPBACK) == "1"):
            why = f"the exporter's own host; {FETCH_LOOPBACK}=1 in the exporter's environment would allow that"
        else:
            return
        raise ResourceError(
            f"GET {redacted_url(self._url)} is refused: {address} is {why}. Download the file and upload it from there."
        )

    def _no_url(self) -> str:
        return (
            f"{redacted_url(self._url)} is not a URL: its host or port cannot be. Signs such as / in a user or "
            "password are written as %2F."
        )

    def _judge(self, response: http.client.HTTPResponse) -> str | None:
        self._response = response
        self._remaining = response.length
        location = response.getheader("Location")
        if response.status in _REDIRECTS:
            self._dispose()
            if not location:
                raise ResourceError(
                    f"GET {redacted_url(self._url)} failed: {response.status} {response.reason}, a redirect with a "
                    "missing Location header."
                )
            return location
        if response.status != 200:
            raise ResourceError(f"GET {redacted_url(self._url)} failed: {response.status} {response.reason}.")
        return None

    def _redirect(self, location: str) -> None:
        try:
            target = urljoin(self._url, location)
            before, after = _origin(self._url), _origin(target)
        except ValueError as error:
            raise ResourceError(f"GET {redacted_url(self._url)} was redirected to what is not a URL.") from error
        if before[0] == "https" and after[0] == "http":
            raise ResourceError(
                f"GET {redacted_url(self._url)} was redirected to {redacted_url(target)}, from https to http. That is "
                "refused: others on the network could change the file."
            )
        if before != after:
            self._headers = {name: value for name, value in self._headers.items() if not _credential_like(name)}
        self._url = target

    def _parts(self) -> SplitResult:
        try:
            parts = urlsplit(self._url)
            known = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
        except ValueError as error:
            raise ResourceError(self._no_url()) from error
        if not known:
            raise ResourceError(f"{redacted_url(self._url)} is not an http or https URL.")
        return parts

    def _pace(self) -> None:
        patience = self._patience()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.settimeout(patience)

    def _patience(self) -> float:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0 or self._closed:
            raise ResourceError(f"GET {redacted_url(self._url)} took too long.")
        return min(remaining, self._silence)

    def _failure(self, error: Exception) -> ResourceError:
        return ResourceError(f"GET {redacted_url(self._url)} failed: {type(error).__name__}: {error}.")


def peer_address(connected: socket.socket) -> str:
    """Return the IP address of a connection's other end."""
    return str(connected.getpeername()[0])


def _origin(url: str) -> tuple[Any, ...]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _credential_like(header: str) -> bool:
    return any(word in header.lower() for word in _CREDENTIAL_WORDS)
