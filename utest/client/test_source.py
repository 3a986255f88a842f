"""Sources: files and bytes, their size and their compression."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from JumpstarterLibrary.client.source import Source, is_url, shown_url
from JumpstarterLibrary.errors import UsageError
from JumpstarterLibrary.types import Compression


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(b"content")
    for what in (path, str(path)):
        source = Source.of(what)
        assert (source.name, source.size, source.path, source.data) == ("image.bin", 7, path, None)
        with source.open() as file:
            assert file.read() == b"content"


def test_a_file_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "image").write_bytes(b"x")
    assert Source.of("~/image").path == tmp_path / "image"


def test_bytes() -> None:
    source = Source.of(b"content")
    assert (source.name, source.size, source.path) == ("bytes in memory", 7, None)
    for _ in range(2):
        with source.open() as file:
            assert file.read() == b"content"


def test_nothing_at_all() -> None:
    with Source.of(b"").open() as file:
        assert file.read() == b""


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        Source.of("images/none.img")
    assert str(caught.value) == (
        f"There is no image file 'images/none.img'. Check the path; it is relative to '{tmp_path}'."
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        Source.of(tmp_path)
    assert str(caught.value) == f"The image file '{tmp_path}' cannot be read: Is a directory."


@pytest.mark.parametrize(
    ("data", "compression"),
    [
        (gzip.compress(b"x", mtime=0), Compression.gzip),
        (lzma.compress(b"x"), Compression.xz),
        (bz2.compress(b"x"), Compression.bz2),
        (b"\x28\xb5\x2f\xfd\x00", Compression.zstd),
        (b"plain", Compression.none),
        (b"\x1f", Compression.none),
        (b"", Compression.none),
    ],
)
def test_compression_by_the_first_bytes(data: bytes, compression: Compression) -> None:
    assert Source.of(data).compression() is compression


@pytest.mark.parametrize(
    ("what", "url"),
    [
        ("http://host/x", True),
        ("https://host/x", True),
        ("ftp://host/x", False),
        ("/http://", False),
        (Path("http://host/x"), False),
        (b"http://host/x", False),
    ],
)
def test_urls(what: object, url: bool) -> None:
    assert is_url(what) is url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://lab/board.img", "http://lab/board.img"),
        ("https://user:secret@lab:8443/a/b.img?sig=secret", "https://lab:8443/a/b.img?[redacted]"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown
