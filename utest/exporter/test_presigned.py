"""Fetching from a real HTTP server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.presigned import PresignedSource, ResourceError, redacted
from JumpstarterLibrary.exporter.streams import EndOfStream

BODY = os.urandom(3_000_000)
SECRETS = {"Authorization": "Bearer s3cret", "X-Api-Key": "k", "Cookie": "c=1"}


@dataclass
class Site:
    """A web server and what it was asked."""

    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one small answer per path
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...

        def do_GET(self) -> None:
            site.requests.append((self.path, dict(self.headers.items())))
            getattr(self, "_" + self.path.split("?")[0].strip("/").split("/")[0])()

        def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _image(self) -> None:
            self._answer(200, BODY)

        def _empty(self) -> None:
            self._answer(200)

        def _chunked(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (BODY[:10], BODY[10:]):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")

        def _short(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"x" * 60)
            self.close_connection = True

        def _stall(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"begun")
            self.wfile.flush()
            site.stalled.wait(10)
            self.close_connection = True

        def _near(self) -> None:
            self._answer(302, Location="/image?b=2")

        def _far(self) -> None:
            self._answer(307, Location=site.url("/image", host="localhost"))

        def _loop(self) -> None:
            self._answer(301, Location="/loop?again=secret")

        def _lost(self) -> None:
            self._answer(302)

        def _strange(self) -> None:
            self._answer(302, Location="file:///etc/passwd")

        def _missing(self) -> None:
            self._answer(404)

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(site)) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield site
        site.stalled.set()
        server.shutdown()
        thread.join(5)


def _fetch(url: str, headers: dict[str, str] | None = None, timeout: float = 10, silence: float = 10) -> bytes:
    async def fetching() -> bytes:
        source = await PresignedSource.open(url, headers or {}, timeout, silence)
        data = b""
        try:
            while True:
                data += await source.receive()
        except EndOfStream:
            return data
        finally:
            await source.aclose()

    return asyncio.run(fetching())


@dataclass(kw_only=True)
class Flash(Driver):
    @classmethod
    def client(cls) -> str:
        return "test.Flash"

    @export
    async def write(self, handle: Any) -> str:
        digest = hashlib.sha256()
        async with self.resource(handle) as stream:
            async for chunk in stream:
                digest.update(chunk)
        return digest.hexdigest()

    @export
    async def read(self, handle: Any) -> None:
        async with self.resource(handle) as stream:
            await stream.send(b"data")


def test_a_driver_fetches_a_url(connect: Any, refused: Any, site: Site) -> None:
    def handle(path: str) -> dict[str, object]:
        return {"kind": "presigned_request", "headers": {"X-Mine": "1"}, "url": site.url(path), "method": "GET"}

    with connect(Flash()) as wire:
        assert wire.call("write", handle("/image")) == hashlib.sha256(BODY).hexdigest()
        assert site.requests[0][1]["X-Mine"] == "1"
        assert refused(lambda: wire.call("write", handle("/missing?token=secret"))) == (
            grpc.StatusCode.UNKNOWN,
            f"GET http://127.0.0.1:{site.port}/missing?[redacted] failed: 404 Not Found.",
        )
        assert refused(lambda: wire.call("read", handle("/image"))) == (
            grpc.StatusCode.UNKNOWN,
            "This resource is a request to fetch a URL; nothing can be sent to it.",
        )


@pytest.mark.parametrize("path", ["/image", "/chunked", "/near"])
def test_bodies_arrive_whole(site: Site, path: str) -> None:
    assert _fetch(site.url(path)) == BODY


def test_an_empty_body(site: Site) -> None:
    assert _fetch(site.url("/empty")) == b""


def test_the_urls_encoding_is_kept(site: Site) -> None:
    _fetch(site.url("/empty/%2Fa%20b/c d/ä?sig=a%2Fb%3D+c&x=~'()*"))
    assert site.requests[0][0] == "/empty/%2Fa%20b/c%20d/%C3%A4?sig=a%2Fb%3D+c&x=~'()*"


def test_credentials_stay_with_their_origin(site: Site) -> None:
    headers = {**SECRETS, "X-Mine": "1"}
    _fetch(site.url("/near"), headers)
    _fetch(site.url("/far"), headers)
    sent = [{name for name in received if name in headers} for _, received in site.requests]
    assert sent == [{*headers}, {*headers}, {*headers}, {"X-Mine"}]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing?token=secret", "GET {base}/missing?[redacted] failed: 404 Not Found."),
        ("/loop", "Too many redirects: GET {base}/loop?[redacted] was redirected more than 10 times."),
        ("/lost?k=v", "GET {base}/lost?[redacted] failed: 302 Found, a redirect with a missing Location header."),
        ("/strange", "file:///etc/passwd is not an http or https URL."),
        ("/short", "GET {base}/short ended 40 bytes too early."),
    ],
)
def test_failures_are_told_without_secrets(site: Site, path: str, message: str) -> None:
    with pytest.raises(ResourceError) as info:
        _fetch(site.url(path))
    assert str(info.value) == message.format(base=site.url(""))


@pytest.mark.parametrize("url", ["ftp://host/x", "nonsense", "http://", "http://host:99999/", "http://[::1/"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ResourceError, match=r"is not an? "):
        _fetch(url)


def test_nobody_listens(site: Site) -> None:
    with pytest.raises(ResourceError, match=r"^GET http://127.0.0.1:1/\?\[redacted\] failed: ConnectionRefusedError: "):
        _fetch("http://user:secret@127.0.0.1:1/?secret")


def test_the_whole_transfer_has_a_limit(site: Site) -> None:
    with pytest.raises(ResourceError, match=rf"^GET {site.url('/stall')} (failed: TimeoutError: |took too long)"):
        _fetch(site.url("/stall"), timeout=0.1)
    with pytest.raises(ResourceError, match=r"took too long\.$"):
        _fetch(site.url("/image"), timeout=0)


def test_a_silent_server_is_given_up(site: Site) -> None:
    with pytest.raises(ResourceError, match=rf"^GET {site.url('/stall')} failed: TimeoutError: "):
        _fetch(site.url("/stall"), silence=0.05)


def test_cancelling_ends_a_read_that_waits(site: Site, no_thread_named: Callable[[str], None]) -> None:
    async def scenario() -> None:
        source = await PresignedSource.open(site.url("/stall"), {}, 10)
        assert await source.receive() == b"begun"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.receive(), 0.05)
        await source.aclose()

    asyncio.run(scenario())
    no_thread_named("exporter-http")


@pytest.fixture
def no_thread_named() -> Callable[[str], None]:
    def check(name: str) -> None:
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(5)
                assert not thread.is_alive()

    return check


def test_redacted_urls_keep_no_secrets() -> None:
    assert redacted("https://user:pw@host:8/a/b?sig=1#frag") == "https://host:8/a/b?[redacted]"
    assert redacted("http://[::1/") == "the URL"
