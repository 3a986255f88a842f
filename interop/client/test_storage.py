"""Images through every storage driver, byte for byte."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import http.server
import lzma
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from interop.upstream import Upstream
from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import ImageStore, WriteOptions
from JumpstarterLibrary.errors import OperationTimeout
from JumpstarterLibrary.types import Compression, Verdict, Verify

SIZES = [0, 1, 65_536, 1_048_576, 5_000_001]

PLACES = [
    pytest.param("mux", None, id="mux"),
    pytest.param("flashmux", None, id="flashmux"),
    pytest.param("flasher", None, id="flasher"),
    pytest.param("flasher", "root", id="flasher-root"),
    pytest.param("files", "images/some.img", id="files"),
]

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": partial(lzma.compress, preset=0),
    "bz2": bz2.compress,
}


def image(size: int) -> bytes:
    """Return bytes that do not compress and differ between megabytes."""
    return os.urandom(size)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(device: Device, path: str, target: str | None, sink: Path) -> bytes:
    device.find(ImageStore, "storage", path).read_image(sink, target=target, timeout=60)
    return sink.read_bytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("path", "target"), PLACES)
def test_image_arrives_and_comes_back(device: Device, tmp_path: Path, path: str, target: str | None, size: int) -> None:
    source, data = tmp_path / "some.img", image(size)
    source.write_bytes(data)
    store = device.find(ImageStore, "storage", path)
    options = WriteOptions(target, verify=Verify.read_back, sha256=digest(data))
    report = store.write_image(source, options, timeout=60)
    assert (report.size, report.sha256, report.verdict) == (size, digest(data), Verdict.verified)
    assert digest(read(device, path, target, tmp_path / "back.img")) == digest(data)


@dataclass(frozen=True)
class Compressed:
    """A compressed image.

    Attributes:
        file: The file.
        plain: The digest of what it holds.
    """

    file: Path
    plain: str


@pytest.fixture(scope="module")
def compressed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Compressed]:
    """Return what makes a compressed image; each kind is made once, since that takes longer than writing it."""
    folder = tmp_path_factory.mktemp("compressed")
    made: dict[str, Compressed] = {}

    def make(kind: str) -> Compressed:
        if kind not in made:
            data = image(300_000) * 4
            file = folder / f"some.img.{kind}"
            if kind in COMPRESSORS:
                file.write_bytes(COMPRESSORS[kind](data))
            else:
                compress_zstd(request.getfixturevalue("upstream"), data, file)
            made[kind] = Compressed(file, digest(data))
        return made[kind]

    return make


@pytest.mark.parametrize("kind", [*COMPRESSORS, "zstd"])
@pytest.mark.parametrize(("path", "target"), PLACES)
def test_compressed_image_arrives_decompressed(
    compressed: Callable[[str], Compressed], device: Device, tmp_path: Path, path: str, target: str | None, kind: str
) -> None:
    source = compressed(kind)
    options = WriteOptions(target, Compression.auto, Verify.read_back)
    report = device.find(ImageStore, "storage", path).write_image(source.file, options, timeout=60)
    assert (report.sha256, report.verdict) == (digest(source.file.read_bytes()), Verdict.verified)
    assert digest(read(device, path, target, tmp_path / "back.img")) == source.plain


def compress_zstd(upstream: Upstream, data: bytes, file: Path) -> None:
    plain = file.with_suffix(".plain")
    plain.write_bytes(data)
    script = "import sys, backports.zstd as z; sys.stdout.buffer.write(z.compress(open(sys.argv[1], 'rb').read()))"
    done = subprocess.run([upstream.python, "-c", script, str(plain)], check=True, capture_output=True, timeout=60)
    file.write_bytes(done.stdout)


@pytest.mark.parametrize(("path", "target"), PLACES)
def test_compressed_image_can_be_written_as_it_is(
    device: Device, tmp_path: Path, path: str, target: str | None
) -> None:
    source = tmp_path / "some.img.gz"
    source.write_bytes(gzip.compress(image(100_000)))
    store = device.find(ImageStore, "storage", path)
    store.write_image(source, WriteOptions(target, Compression.none, Verify.read_back), timeout=60)
    assert read(device, path, target, tmp_path / "back.img") == source.read_bytes()


@pytest.mark.parametrize(("path", "target"), PLACES)
def test_exporter_fetches_a_url(
    device: Device, tmp_path: Path, web: tuple[str, Path], path: str, target: str | None
) -> None:
    url, folder = web
    data = image(2_000_003)
    (folder / "some.img").write_bytes(data)
    store = device.find(ImageStore, "storage", path)
    report = store.write_image(f"{url}/some.img", WriteOptions(target), timeout=60)
    assert report.verdict is Verdict.unverified
    assert digest(read(device, path, target, tmp_path / "back.img")) == digest(data)


@pytest.mark.parametrize(("path", "target"), PLACES)
def test_write_that_was_given_up_leaves_a_working_driver(
    device: Device, tmp_path: Path, path: str, target: str | None
) -> None:
    huge, small = tmp_path / "huge.img", tmp_path / "small.img"
    with huge.open("wb") as file:
        file.truncate(4 << 30)
    small.write_bytes(image(100_000))
    store = device.find(ImageStore, "storage", path)
    with pytest.raises(OperationTimeout):
        store.write_image(huge, WriteOptions(target, verify=Verify.none), timeout=0.3)
    store.write_image(small, WriteOptions(target, verify=Verify.read_back), timeout=60)
    assert read(device, path, target, tmp_path / "back.img") == small.read_bytes()


@pytest.mark.parametrize(("path", "target"), PLACES)
def test_read_stops_at_the_size_that_was_asked_for(
    device: Device, tmp_path: Path, path: str, target: str | None
) -> None:
    source, data = tmp_path / "some.img", image(3_000_000)
    source.write_bytes(data)
    store = device.find(ImageStore, "storage", path)
    store.write_image(source, WriteOptions(target), timeout=60)
    store.read_image(tmp_path / "head.img", target=target, size=1_234_567, timeout=60)
    assert (tmp_path / "head.img").read_bytes() == data[:1_234_567]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder over HTTP."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join(5)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
