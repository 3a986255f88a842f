"""What all image stores have in common: checks before and after, URLs, and files that appear only when complete."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import WriteOptions
from JumpstarterLibrary.client.drivers.image import compression_named, hashable
from JumpstarterLibrary.errors import DriverError, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher
from JumpstarterLibrary.types import Compression, Verdict, Verify

CONTENT = b"image" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def medium() -> MockFlasher:
    return MockFlasher()


@pytest.fixture
def store(medium: MockFlasher, device_with: Callable[..., Device]) -> Any:
    return device_with({"flasher": medium}).client.flasher


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "board.img"
    path.write_bytes(CONTENT)
    return path


def test_the_report(store: Any, image: Path) -> None:
    report = store.write_image(image)
    assert (report.name, report.size, report.sha256) == ("board.img", 5000, SHA256)
    assert str(report) == (
        f"board.img on flasher: 5000 bytes in {report.seconds:.2f} s, SHA-256 {SHA256}, written, not verifiable here"
    )


@pytest.mark.parametrize("expected", [SHA256, f" {SHA256.upper()}\n"])
def test_the_right_sha256(store: Any, image: Path, expected: str) -> None:
    assert store.write_image(image, WriteOptions(sha256=expected)).sha256 == SHA256


def test_another_sha256(store: Any, medium: MockFlasher, image: Path) -> None:
    with pytest.raises(UsageError) as caught:
        store.write_image(image, WriteOptions(sha256="00" * 32))
    assert str(caught.value) == (f"The image 'board.img' has SHA-256 {SHA256}, not {'00' * 32}. Nothing was written.")
    assert not medium.image().exists()


class Forgetful(Driver):
    """A flasher that keeps something else than it was given."""

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_opendal.client.FlasherClient"

    @export
    async def flash(self, source: Mapping[str, Any]) -> None:
        async with self.resource(source) as stream:
            async for _ in stream:
                pass

    @export
    async def dump(self, target: Mapping[str, Any]) -> None:
        async with self.resource(target) as stream:
            await stream.send(b"else")


def test_something_else_on_the_medium(device_with: Callable[..., Device], image: Path) -> None:
    store = device_with({"flasher": Forgetful()}).client.flasher
    with pytest.raises(TransferError) as caught:
        store.write_image(image, WriteOptions(verify=Verify.read_back))
    assert str(caught.value) == (
        f"Driver 'flasher' reported success, but the image read back differs: 5000 bytes with SHA-256 {SHA256} were "
        f"written, 4 bytes with SHA-256 {hashlib.sha256(b'else').hexdigest()} were read."
    )


def test_a_zstd_image_cannot_be_read_back_here(
    store: Any, medium: MockFlasher, tmp_path: Path, without_zstd: None
) -> None:
    path = tmp_path / "image.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd data")
    with pytest.raises(UsageError) as caught:
        store.write_image(path, WriteOptions(verify=Verify.read_back))
    assert str(caught.value) == (
        "verify=read_back needs the content of 'image.zst', and this Python cannot decompress zstd. "
        "Decompress the image first, or leave verify= out."
    )
    assert not medium.image().exists()


@pytest.mark.parametrize("size", [0, 1, 4999])
def test_a_read_file_of_a_given_size(store: Any, image: Path, tmp_path: Path, size: int) -> None:
    store.write_image(image)
    report = store.read_image(tmp_path / "new" / "dump", size=size)
    assert (tmp_path / "new" / "dump").read_bytes() == CONTENT[:size]
    assert (report.size, report.verdict) == (size, Verdict.received)


def test_a_read_that_fails_leaves_the_old_file(store: Any, tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(b"old")
    with pytest.raises(DriverError, match=r"^'dump' of driver 'flasher' failed on the exporter: Nothing has been "):
        store.read_image(dump)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"dump": b"old"}


def test_a_place_that_cannot_be_written(store: Any, image: Path, tmp_path: Path) -> None:
    store.write_image(image)
    sink = image / "dump"
    with pytest.raises(TransferError) as caught:
        store.read_image(sink)
    assert str(caught.value) == f"The image could not be written to '{sink}': File exists."


# URLs


@pytest.fixture
def url() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/board.img"
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize(("verify", "verdict"), [(Verify.auto, Verdict.unverified), (Verify.none, Verdict.unchecked)])
def test_a_url_is_fetched_by_the_exporter(
    store: Any, medium: MockFlasher, url: str, verify: Verify, verdict: Verdict
) -> None:
    report = store.write_image(url, WriteOptions("boot", verify=verify))
    assert (report.name, report.size, report.sha256, report.verdict) == (url, None, None, verdict)
    assert medium.image("boot").read_bytes() == CONTENT
    assert str(report) == f"{url} on flasher: {verdict.value}"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (WriteOptions(verify=Verify.read_back), "verify=read_back"),
        (WriteOptions(sha256=SHA256), "sha256="),
        (WriteOptions(compression=Compression.gzip), "compression="),
    ],
)
def test_what_needs_the_image_here_is_refused_for_urls(store: Any, options: WriteOptions, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        store.write_image("http://host/board.img", options)
    assert str(caught.value) == (
        f"{name} needs the image here, and the exporter fetches 'http://host/board.img' by itself. Download the image "
        f"first, or leave {name} out."
    )


def test_names_of_compressions(without_zstd: None) -> None:
    assert compression_named(None) is Compression.none
    assert compression_named("xz") is Compression.xz
    assert [kind for kind in Compression if hashable(kind)] == [
        Compression.none,
        Compression.gzip,
        Compression.xz,
        Compression.bz2,
    ]
