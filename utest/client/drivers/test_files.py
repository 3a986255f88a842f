"""Files on the exporter."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import WriteOptions
from JumpstarterLibrary.client.drivers.files import EntryMode, FileStat
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.common.compression import IncrementalDecompressor
from JumpstarterLibrary.errors import DriverError, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, compression, export
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.types import Compression, Verdict, Verify


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def driver(root: Path) -> Opendal:
    return Opendal(scheme="fs", kwargs={"root": str(root)})


@pytest.fixture
def files(driver: Opendal, device_with: Callable[..., Device]) -> Any:
    return device_with({"files": driver}).client.files


def test_whole_files(files: Any, root: Path, tmp_path: Path) -> None:
    files.write_bytes("deep/a", b"content")
    assert (root / "deep" / "a").read_bytes() == files.read_bytes("deep/a") == b"content"
    files.read_into_path("deep/a", tmp_path / "a")
    files.write_from_path("b", tmp_path / "a")
    assert files.read_bytes(Path("b")) == b"content"
    files.write_bytes("empty", b"")
    assert files.read_bytes("empty") == b""


def test_metadata(files: Any) -> None:
    files.write_bytes("d/a", b"content")
    found = files.stat("d/a")
    assert (found.content_length, found.mode.is_file(), found.mode.is_dir()) == (7, True, False)
    assert files.stat("d/").mode == EntryMode(entry_is_file=False, entry_is_dir=True)
    assert FileStat.parse({"newer": 1}) == FileStat(0, EntryMode(False, False))
    assert files.hash("d/a") == hashlib.sha256(b"content").hexdigest()
    assert files.hash("d/a", "md5") == hashlib.md5(b"content", usedforsecurity=False).hexdigest()
    assert [files.exists(path) for path in ("d/a", "d/", "none")] == [True, True, False]
    assert files.capability()["read"] is True


def test_folders(files: Any) -> None:
    files.create_dir("d/e/")
    files.write_bytes("d/e/a", b"x")
    files.copy("d/e/a", "d/b")
    files.rename("d/b", "d/c")
    assert {"d/c", "d/e/"} <= set(files.list("d/"))
    assert {"d/c", "d/e/", "d/e/a"} <= set(files.scan("d/"))
    assert files.get_created_resources() >= {"d/e/a", "d/c"}
    files.delete("d/c")
    files.delete("d/c")
    files.remove_all("d/")
    assert not files.exists("d/")


def test_a_file_that_is_not_there(files: Any, driver: Opendal) -> None:
    with pytest.raises(DriverError, match=r"^'open' of driver 'files' failed on the exporter: "):
        files.read_bytes("none")
    with pytest.raises(DriverError, match=r"^'stat' of driver 'files' failed on the exporter: "):
        files.stat("none")


def test_files_are_closed_also_after_a_failure(files: Any, driver: Opendal, tmp_path: Path) -> None:
    files.write_bytes("a", b"x")
    missing = tmp_path / "missing"
    missing.touch()
    source = Source.of(missing)
    missing.unlink()
    with pytest.raises(TransferError, match=r"^The image 'missing' could not be read to its end: "):
        files._write_from("b", source, 10.0)
    assert [entry.file.closed for entry in driver._files.values()] == [True, True]


@pytest.mark.parametrize(
    ("verify", "verdict"),
    [(Verify.auto, Verdict.verified), (Verify.none, Verdict.unchecked), (Verify.read_back, Verdict.verified)],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_an_image_is_compared_by_its_hash(
    files: Any, root: Path, tmp_path: Path, verify: Verify, verdict: Verdict, compressed: bool
) -> None:
    path = tmp_path / "board.img"
    path.write_bytes(gzip.compress(b"image") if compressed else b"image")
    report = files.write_image(path, WriteOptions(verify=verify))
    assert (report.verdict, (root / "board.img").read_bytes()) == (verdict, b"image")


def test_a_zstd_image_cannot_be_compared_here(
    device_with: Callable[..., Device], tmp_path: Path, without_zstd: None
) -> None:
    driver = Store(hashes=True)
    files = device_with({"files": driver}).client.files
    path = tmp_path / "board.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd data")
    # Nobody here decompresses it, so that it is refused before anything is written; but not for want of a hash.
    with pytest.raises(UsageError, match=r"^The exporter does not decompress zstd, and neither can this Python\. "):
        files.write_image(path, WriteOptions(target="board.img"))
    assert driver.log == ["open", "file_close"]


def test_an_image_that_only_the_exporter_decompresses_is_written_and_not_compared(
    files: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_zstd: None
) -> None:
    # An exporter that knows zstd; what it does with it does not matter here.
    monkeypatch.setattr(compression, "can_decompress", lambda _: True)
    monkeypatch.setattr(compression, "IncrementalDecompressor", lambda _: IncrementalDecompressor("xz"))
    path = tmp_path / "board.img"
    path.write_bytes(lzma.compress(b"image"))
    report = files.write_image(path, WriteOptions(compression=Compression.zstd))
    assert (report.verdict, (root / "board.img").read_bytes()) == (Verdict.unverified, b"image")


def test_open_files(files: Any, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b" and more")
    with files.open("a", "wb") as file:
        file.write_bytes(b"content")
        file.write_from_path(tmp_path / "part")
        assert (file.readable(), file.writable(), file.seekable(), file.closed) == (False, True, False, False)
    assert file.closed
    with files.open(Path("a"), "rb") as file:
        assert (file.seek(7), file.tell(), file.read_bytes()) == (7, 7, b" and more")
        assert file.seek(-4, 2) == 12
        file.read_into_path(tmp_path / "tail")
    assert (tmp_path / "tail").read_bytes() == b"more"


class Store(Driver):
    """A file store that hashes wrongly or not at all."""

    def __init__(self, *, hashes: bool) -> None:
        super().__init__()
        self.log: list[str] = []
        self._hashes = hashes

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_opendal.client.OpendalClient"

    @export
    async def open(self, path: str, mode: str) -> str:
        self.log.append("open")
        return "f"

    @export
    async def file_write(self, file: str, source: Mapping[str, Any]) -> None:
        self.log.append("file_write")
        async with self.resource(source) as stream:
            async for _ in stream:
                pass

    @export
    async def file_close(self, file: str) -> None:
        self.log.append("file_close")

    @export
    async def hash(self, path: str, algorithm: str) -> str:
        if not self._hashes:
            raise NotImplementedError("no hashes here")
        return "00"


def test_another_hash_on_the_exporter(device_with: Callable[..., Device], tmp_path: Path) -> None:
    files = device_with({"files": Store(hashes=True)}).client.files
    (tmp_path / "a").write_bytes(b"image")
    with pytest.raises(TransferError) as caught:
        files.write_image(tmp_path / "a", WriteOptions("target"))
    assert str(caught.value) == (
        f"Driver 'files' reported success, but 'target' has SHA-256 00 on the exporter, "
        f"not {hashlib.sha256(b'image').hexdigest()}."
    )


def test_no_hash_on_the_exporter(device_with: Callable[..., Device], tmp_path: Path) -> None:
    files = device_with({"files": Store(hashes=False)}).client.files
    (tmp_path / "a").write_bytes(b"image")
    assert files.write_image(tmp_path / "a").verdict is Verdict.unverified


def test_images_need_a_path_here(files: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        files.write_image("http://host/board.img")
    assert str(caught.value) == (
        "Writing 'http://host/board.img' to driver 'files' needs target=, the path of the file to write."
    )
    with pytest.raises(UsageError) as caught:
        files.read_image(tmp_path / "dump")
    assert str(caught.value) == "Reading from driver 'files' needs target=, the path of the file to read."


@pytest.mark.parametrize(("target", "unpacked"), [("Image.gz", False), ("Image", True)])
def test_a_name_of_an_archive_keeps_it_packed(
    files: Any, root: Path, tmp_path: Path, target: str, unpacked: bool
) -> None:
    path = tmp_path / "Image.gz"
    path.write_bytes(gzip.compress(b"kernel"))
    report = files.write_image(path, WriteOptions(target=target))
    assert report.verdict is Verdict.verified
    assert (root / target).read_bytes() == (b"kernel" if unpacked else path.read_bytes())
