"""Fetching from a real HTTP server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter import Driver, export, presigned
from JumpstarterLibrary.exporter.presigned import PresignedSource, ResourceError, fetch_policy
from JumpstarterLibrary.exporter.streams import EndOfStream
from JumpstarterLibrary.lab.certificates import self_signed

BODY = os.urandom(3_000_000)
SECRETS = {"Authorization": "Bearer s3cret", "X-Api-Key": "k", "Cookie": "c=1"}


@dataclass
class Site:
    """A web server and what it was asked."""

    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    scheme: str = "http"
    plain: Site | None = None
    stalled: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


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

        def _plain(self) -> None:
            assert site.plain is not None
            self._answer(302, Location=site.plain.url("/image?sig=secret"))

        def _odd(self) -> None:
            self._answer(302, Location="http://[::1")

        def _odder(self) -> None:
            self._answer(302, Location="//user:s3cret/@host:port/")

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


@pytest.fixture
def secure_site(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The same over TLS; its certificate is trusted."""
    made = self_signed("localhost", "127.0.0.1")
    (tmp_path / "cert.pem").write_bytes(made.certificate)
    (tmp_path / "key.pem").write_bytes(made.key)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    secure = Site(scheme="https", plain=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(secure)) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        secure.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield secure
        server.shutdown()
        thread.join(5)


def test_no_redirect_leads_from_https_to_http(secure_site: Site) -> None:
    assert secure_site.plain is not None
    assert _fetch(secure_site.url("/far")) == BODY
    with pytest.raises(ResourceError) as info:
        _fetch(secure_site.url("/plain"), SECRETS)
    assert str(info.value) == (
        f"GET {secure_site.url('/plain')} was redirected to {secure_site.plain.url('/image?[redacted]')}, from https "
        "to http. That is refused: others on the network could change the file."
    )
    assert secure_site.plain.requests == []


def test_credentials_of_the_url_are_sent_to_its_origin_only(site: Site) -> None:
    for path in ("/near", "/far"):
        _fetch(site.url(path, host="us%40er:p%2Fw%3A@127.0.0.1"))
    _fetch(site.url("/image", host="user:pw@127.0.0.1"), {"authorization": "Bearer own"})
    basic = f"Basic {b64encode(b'us@er:p/w:').decode()}"
    sent = [headers.get("Authorization") or headers.get("authorization") for _, headers in site.requests]
    assert sent == [basic, basic, basic, None, "Bearer own"]
    assert {headers["Host"] for _, headers in site.requests} == {f"127.0.0.1:{site.port}", f"localhost:{site.port}"}


LOOPBACK = "127.0.0.1 is the exporter's own host"
LINK_LOCAL = "a link-local address, at which clouds and devices tell secrets to the hosts beside them"
ALLOWED = f"{LOOPBACK}; JUMPSTARTER_FETCH_LOOPBACK=1 in the exporter's environment would allow that"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"])
def test_own_host_is_for_clients_of_it_only(site: Site, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with fetch_policy(loopback=False):
        with pytest.raises(ResourceError) as info:
            _fetch(site.url("/image", host=host))
        assert str(info.value) == (
            f"GET {site.url('/image', host=host)} is refused: {ALLOWED}. Download the file and upload it from there."
        )
        assert site.requests == []
        monkeypatch.setenv("JUMPSTARTER_FETCH_LOOPBACK", "1")
        assert _fetch(site.url("/image", host=host)) == BODY


def test_sessions_of_other_hosts_refuse_their_own(connect: Any, refused: Any, site: Site) -> None:
    handle = {"kind": "presigned_request", "headers": {}, "url": site.url("/image"), "method": "GET"}
    with connect(Flash(), tcp=("0.0.0.0", 0)) as wire:
        assert refused(lambda: wire.call("write", handle)) == (
            grpc.StatusCode.UNKNOWN,
            f"GET {site.url('/image')} is refused: {ALLOWED}. Download the file and upload it from there.",
        )
    with connect(Flash(), tcp=("127.0.0.1", 0)) as wire:
        assert wire.call("write", handle) == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        (
            ["169.254.169.254"],
            LINK_LOCAL,
        ),
        (["fe80::1%eth0"], LINK_LOCAL),
        (
            ["::ffff:169.254.1.1"],
            LINK_LOCAL,
        ),
        (["192.0.2.1", "127.0.0.1"], "the exporter's own host, to which no other server may redirect"),
        (["192.0.2.1", "::1"], "the exporter's own host, to which no other server may redirect"),
    ],
)
def test_other_targets_that_are_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, addresses: list[str], reason: str
) -> None:
    # No test reaches such addresses; what the connection says of its other end is played.
    peers = iter(addresses)
    monkeypatch.setattr(presigned, "peer_address", lambda _: next(peers))
    monkeypatch.setenv("JUMPSTARTER_FETCH_LOOPBACK", "1")
    with pytest.raises(ResourceError) as info:
        _fetch(site.url("/near"))
    shown = addresses[-1].partition("%")[0].removeprefix("::ffff:")
    assert str(info.value).endswith(f" is refused: {shown} is {reason}. Download the file and upload it from there.")
    assert len(site.requests) == len(addresses) - 1


@pytest.mark.parametrize(
    "url",
    [
        "http://a b/",
        "http://h:99999/",
        "http://user:pw-s3cret/x@127.0.0.1/",
        f"http://{'a' * 300}/",
        "http://..",
        "http://h:x/",
    ],
)
def test_odd_hosts_get_one_sentence(url: str) -> None:
    with pytest.raises(ResourceError) as info:
        _fetch(url)
    assert str(info.value).endswith(
        " is not a URL: its host or port cannot be. Signs such as / in a user or password are written as %2F."
    )
    assert "s3cret" not in str(info.value)


@pytest.mark.parametrize("path", ["/odd", "/odder"])
def test_redirects_to_odd_places(site: Site, path: str) -> None:
    with pytest.raises(ResourceError, match=r"is not a URL"):
        _fetch(site.url(path))


@pytest.mark.parametrize("headers", [{"X": "s3cret\r\nEvil: 1"}, {"X\r\nEvil": "1"}, {"X": "s3cret\u20ac"}, {"": "1"}])
def test_headers_that_are_none_are_refused_without_their_values(site: Site, headers: dict[str, str]) -> None:
    with pytest.raises(ResourceError) as info:
        _fetch(site.url("/image"), headers)
    (name,) = headers
    assert str(info.value) == (
        f"GET {site.url('/image')} cannot have the header {name!r}: a name has letters, digits and signs, a value one "
        "line of Latin-1 text."
    )
    assert site.requests == []
