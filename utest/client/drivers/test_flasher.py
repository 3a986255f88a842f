"""Flashers: images, targets, mappings, read back."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import WriteOptions
from JumpstarterLibrary.errors import DriverError, UsageError
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher
from JumpstarterLibrary.types import Compression, Verdict, Verify


@pytest.fixture
def medium() -> MockFlasher:
    return MockFlasher()


@pytest.fixture
def flasher(medium: MockFlasher, device_with: Callable[..., Device]) -> Any:
    return device_with({"flasher": medium}).client.flasher


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "board.img"
    path.write_bytes(b"image" * 1000)
    return path


def test_flash_and_dump(flasher: Any, medium: MockFlasher, image: Path, tmp_path: Path) -> None:
    flasher.flash(image)
    flasher.dump(tmp_path / "dump")
    assert medium.image().read_bytes() == (tmp_path / "dump").read_bytes() == image.read_bytes()


def test_targets(flasher: Any, medium: MockFlasher, image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    flasher.flash(str(image), target="boot")
    flasher.flash({"root": image, "data": str(other)})
    contents = {name: medium.image(name).read_bytes() for name in ("boot", "root", "data")}
    assert contents == {"boot": image.read_bytes(), "root": image.read_bytes(), "data": b"other"}
    flasher.dump(str(tmp_path / "dump"), target="data")
    assert (tmp_path / "dump").read_bytes() == b"other"


def test_a_target_and_a_mapping_contradict_each_other(flasher: Any, image: Path) -> None:
    with pytest.raises(UsageError) as caught:
        flasher.flash({"root": image}, target="boot")
    assert str(caught.value) == (
        "target='boot' and a mapping of targets to images contradict each other. Leave target= out."
    )


@pytest.mark.parametrize(("compression", "expected"), [(None, "as it is"), ("gzip", "plain")])
def test_compressed_images_are_decompressed_when_asked_for(
    flasher: Any, medium: MockFlasher, tmp_path: Path, compression: str | None, expected: str
) -> None:
    path = tmp_path / "image.gz"
    path.write_bytes(gzip.compress(b"content"))
    flasher.flash(path, compression=compression)
    assert medium.image().read_bytes() == (path.read_bytes() if expected == "as it is" else b"content")


def test_a_compression_that_nobody_knows(flasher: Any, image: Path) -> None:
    with pytest.raises(UsageError) as caught:
        flasher.flash(image, compression="zip")
    assert str(caught.value) == ("There is no compression 'zip'. Choose one of: auto, none, gzip, xz, bz2, zstd.")


@pytest.mark.parametrize(
    ("verify", "verdict"),
    [
        (Verify.auto, Verdict.unverified),
        (Verify.none, Verdict.unchecked),
        (Verify.read_back, Verdict.verified),
    ],
)
def test_what_is_known_afterwards(flasher: Any, image: Path, verify: Verify, verdict: Verdict) -> None:
    report = flasher.write_image(image, WriteOptions("boot", verify=verify))
    assert (report.verdict, report.driver, report.size, report.name) == (verdict, "flasher", 5000, "board.img")


def test_a_compressed_image_is_read_back_plain(flasher: Any, medium: MockFlasher, tmp_path: Path) -> None:
    path = tmp_path / "image.gz"
    path.write_bytes(gzip.compress(b"content" * 1000))
    report = flasher.write_image(path, WriteOptions(compression=Compression.auto, verify=Verify.read_back))
    assert (report.verdict, report.size) == (Verdict.verified, path.stat().st_size)
    assert medium.image().read_bytes() == b"content" * 1000


def test_nothing_to_read(flasher: Any, tmp_path: Path) -> None:
    with pytest.raises(DriverError) as caught:
        flasher.dump(tmp_path / "dump", target="boot")
    assert str(caught.value) == (
        "'dump' of driver 'flasher' failed on the exporter: Nothing has been flashed to partition 'boot' yet. Flash an "
        "image first."
    )
    assert list(tmp_path.iterdir()) == []
