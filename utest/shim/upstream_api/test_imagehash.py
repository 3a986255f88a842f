"""Snapshots compared with reference images."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.optional import MissingPackage
from pytest_jumpstarter.upstream_api.imagehash import ImageHash


class Picture:
    """An image of a few bits."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def save(self, path: Path) -> None:
        path.write_text(str(self.bits))


class Bits(int):
    """A hash; the difference of two is the number of bits that differ."""

    def __sub__(self, other: int) -> int:
        return (int(self) ^ other).bit_count()


class Camera:
    name = "camera"

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def snapshot(self) -> Picture:
        return Picture(self.bits)


def hashed(image: Picture, hash_size: int) -> Bits:
    assert hash_size == 8
    return Bits(image.bits)


@pytest.fixture(autouse=True)
def pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something in place of Pillow, which is optional."""

    @contextmanager
    def open_(path: Path) -> Iterator[Picture]:
        yield Picture(int(path.read_text()))

    module = types.ModuleType("PIL.Image")
    module.open = open_  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "PIL", types.ModuleType("PIL"))
    monkeypatch.setitem(sys.modules, "PIL.Image", module)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "login.png"
    path.write_text("0")
    return path


def test_what_looks_alike_passes(reference: Path) -> None:
    checker = ImageHash(Camera(0b1), hash_func=hashed)
    checker.assert_snapshot(str(reference))
    assert checker.snapshot().bits == 1
    assert checker.hash_snapshot() == 1
    ImageHash(Camera(0b111), hash_func=hashed).assert_snapshot(reference, tolerance=3)


def test_what_does_not_is_kept(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(AssertionError) as failure:
        ImageHash(Camera(0b11), outdir=out, hash_func=hashed).assert_snapshot(reference)
    assert (out / "FAILED_login.png").read_text() == "3"
    assert str(failure.value) == (
        f"The snapshot of 'camera' does not look like '{reference}': 2 bits of their hashes differ, and 1 may. It was "
        f"saved as '{out / 'FAILED_login.png'}'."
    )


def test_the_default_hash_needs_a_package(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    client: Any = Camera(0)
    with pytest.raises(MissingPackage) as failure:
        ImageHash(client).assert_snapshot(reference)
    assert str(failure.value) == (
        "ImageHash needs the package 'imagehash', which is not installed. "
        "Install robotframework-jumpstarter[imagehash]."
    )
