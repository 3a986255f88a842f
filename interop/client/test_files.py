"""The file store: every method, and what is on the exporter's disk afterwards."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from uuid import uuid4

import pytest

from interop.conftest import Exporter
from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import OpendalProxy
from JumpstarterLibrary.errors import DriverError, DriverInvalidArgument


@pytest.fixture
def files(device: Device) -> OpendalProxy:
    return device.find(OpendalProxy, "file")


@pytest.fixture
def place() -> str:
    """Return a folder of the test's own."""
    return f"t{uuid4().hex[:8]}"


def test_bytes_are_on_the_exporter_as_they_were_sent(files: OpendalProxy, exporter: Exporter, place: str) -> None:
    data = os.urandom(3_333_333)
    files.write_bytes(f"{place}/deep/data.bin", data)
    assert (exporter.files / place / "deep" / "data.bin").read_bytes() == data
    assert files.read_bytes(f"{place}/deep/data.bin") == data


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_hash_is_computed_on_the_exporter(files: OpendalProxy, place: str, algorithm: str) -> None:
    data = os.urandom(100_001)
    files.write_bytes(f"{place}/data", data)
    assert files.hash(f"{place}/data", algorithm) == hashlib.new(algorithm, data).hexdigest()


def test_local_files_go_there_and_back(files: OpendalProxy, tmp_path: Path, place: str) -> None:
    source, back = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(2_000_000))
    sent = files.write_from_path(f"{place}/a", source)
    files.read_into_path(f"{place}/a", back)
    assert back.read_bytes() == source.read_bytes()
    assert sent.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_metadata(files: OpendalProxy, place: str) -> None:
    files.write_bytes(f"{place}/data", b"12345")
    found = files.stat(f"{place}/data")
    assert (found.content_length, found.mode.is_file(), found.mode.is_dir()) == (5, True, False)
    assert files.stat(f"{place}/").mode.is_dir()
    assert files.exists(f"{place}/data")
    assert not files.exists(f"{place}/nothing")
    assert files.capability()["read"] is True


def test_tree_is_managed(files: OpendalProxy, exporter: Exporter, place: str) -> None:
    files.create_dir(f"{place}/empty/")
    files.write_bytes(f"{place}/one", b"1")
    files.copy(f"{place}/one", f"{place}/two")
    files.rename(f"{place}/two", f"{place}/three")
    assert sorted(path for path in files.list(f"{place}/") if path != f"{place}/") == [
        f"{place}/empty/",
        f"{place}/one",
        f"{place}/three",
    ]
    assert {f"{place}/one", f"{place}/three"} <= set(files.scan(f"{place}/"))
    files.delete(f"{place}/one")
    files.delete(f"{place}/one")
    assert not (exporter.files / place / "one").exists()
    files.remove_all(f"{place}/")
    assert not (exporter.files / place).exists()


def test_what_was_written_is_remembered(files: OpendalProxy, place: str) -> None:
    files.write_bytes(f"{place}/data", b"")
    assert f"{place}/data" in files.get_created_resources()


def test_open_file_has_a_position(files: OpendalProxy, place: str) -> None:
    files.write_bytes(f"{place}/data", b"0123456789")
    file = files.call("open", f"{place}/data", "rb")
    assert files.call("file_seek", file, 4) == 4
    assert files.call("file_tell", file) == 4
    assert (files.call("file_readable", file), files.call("file_writable", file)) == (True, False)
    files.call("file_close", file)
    assert files.call("file_closed", file) is True


def test_missing_file_is_a_driver_error(files: OpendalProxy, place: str) -> None:
    with pytest.raises(DriverError, match=rf"'open' of driver 'files' failed on the exporter: .*{place}"):
        files.read_bytes(f"{place}/nothing")


def test_file_ids_that_are_none(files: OpendalProxy) -> None:
    with pytest.raises(DriverInvalidArgument):
        files.call("file_close", "no id")
    with pytest.raises(DriverError):
        files.call("file_close", str(uuid4()))
