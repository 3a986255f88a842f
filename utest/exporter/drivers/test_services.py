"""Storage services of the package opendal: one in memory, and a web server."""

from __future__ import annotations

import hashlib

import opendal
import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.services import Service


@pytest.fixture(scope="module", autouse=True)
def _runtime() -> None:
    """Start opendal's own threads and sockets, one set for the process, so that no test seems to leave them."""
    opendal.Operator("memory").write("started", b"")


@pytest.fixture
def memory(serving):
    return serving(Opendal(scheme="memory"))


def test_a_file_is_written_and_read(memory):
    data = bytes(range(256)) * 10_000
    fd = memory.call("open", "a/image", "wb")
    memory.upload("file_write", [data[:1000], data[1000:]], before=(fd,))
    memory.call("file_close", fd)
    assert memory.call("hash", "a/image", "md5") == hashlib.md5(data).hexdigest()
    fd = memory.call("open", "a/image", "rb")
    assert memory.call("file_seek", fd, -10, 2) == len(data) - 10
    assert memory.call("file_tell", fd) == len(data) - 10
    assert memory.download("file_read", before=(fd,)) == data[-10:]
    memory.call("file_close", fd)
    assert memory.call("file_closed", fd) is True
    assert memory.call("get_created_resources") == ["a/image"]


def test_what_is_known_and_listed(memory):
    for path in ("a/one", "a/b/two"):
        fd = memory.call("open", path, "wb")
        memory.upload("file_write", [b"hello"], before=(fd,))
        memory.call("file_close", fd)
    found = memory.call("stat", "a/one")
    assert (found["content_length"], found["mode"]) == (5, {"entry_is_file": True, "entry_is_dir": False})
    assert sorted(memory.iterate("list", "a/")) == ["a/b/", "a/one"]
    assert sorted(memory.iterate("scan", "a/")) == ["a/b/two", "a/one"]
    assert memory.call("exists", "a/one") is True
    memory.call("create_dir", "d/")
    assert memory.call("exists", "d/") is True
    memory.call("delete", "a/one")
    memory.call("remove_all", "a/")
    assert memory.call("exists", "a/b/two") is False
    assert memory.call("capability")["write"] is True


def test_a_file_of_the_exporter_is_copied_into_it(serving, tmp_path):
    async def copied() -> None:
        await driver.copy_exporter_file(tmp_path / "kernel", "boot/kernel")

    driver = Opendal(scheme="memory")
    client = serving(driver)
    (tmp_path / "kernel").write_bytes(b"\x7fELF" * 1000)
    client.exporter.run(copied())
    assert client.call("hash", "boot/kernel") == hashlib.sha256(b"\x7fELF" * 1000).hexdigest()
    assert client.call("get_created_resources") == ["boot/kernel"]


def test_a_file_of_the_exporter_is_copied_into_a_folder(serving, tmp_path):
    async def copied() -> None:
        await driver.copy_exporter_file(tmp_path / "kernel", "boot/kernel")

    driver = Opendal(scheme="fs", kwargs={"root": str(tmp_path / "root")})
    client = serving(driver)
    (tmp_path / "kernel").write_bytes(b"\x7fELF" * 1000)
    client.exporter.run(copied())
    assert (tmp_path / "root/boot/kernel").read_bytes() == b"\x7fELF" * 1000
    assert client.call("get_created_resources") == ["boot/kernel"]


def test_requests_that_need_no_credentials(serving):
    client = serving(Opendal(scheme="http", kwargs={"endpoint": "http://images.invalid"}))
    assert client.call("presign_read", "a b", 60) == {
        "url": "http://images.invalid/a%20b",
        "method": "GET",
        "headers": {},
    }
    assert client.call("presign_stat", "image", 60)["method"] == "HEAD"
    assert client.failure("presign_write", "image", 60).startswith(
        "UNKNOWN: Cannot presign a request to write 'image': "
    )


def test_what_is_not_there_or_cannot_be(memory):
    assert memory.failure("stat", "nothing").startswith("UNKNOWN: Cannot look at 'nothing': NotFound")
    assert memory.failure("hash", "nothing").startswith("UNKNOWN: Cannot ")
    assert memory.failure("copy", "a", "b").startswith("UNKNOWN: Cannot copy 'a': Unsupported")
    assert memory.failure("rename", "a", "b").startswith("UNKNOWN: Cannot rename 'a': Unsupported")
    assert memory.failure("hash", "a", "crc") == "INVALID_ARGUMENT: A hash is one of md5, sha256, not 'crc'."
    assert memory.failure("stat", "../up").startswith("INVALID_ARGUMENT: The path '../up' goes up with '..'.")


def test_a_service_that_does_not_exist():
    with pytest.raises(ConfigurationError, match=r"^Opendal's scheme 'floppy' cannot be used: .*\.$"):
        Service("floppy", {})
