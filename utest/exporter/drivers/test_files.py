from __future__ import annotations

import hashlib
import logging
import sys
import uuid

import grpc
import pytest

from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.drivers.directory import CAPABILITY
from JumpstarterLibrary.exporter.drivers.files import Opendal

NO_ID = "00000000-0000-4000-8000-000000000000"
FILE_METHODS = ("file_tell", "file_close", "file_closed", "file_readable", "file_seekable", "file_writable")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "storage"


@pytest.fixture
def driver(root):
    return Opendal(scheme="fs", kwargs={"root": str(root)})


@pytest.fixture
def client(serving, driver):
    return serving(driver)


def write(client, path: str, *chunks: bytes) -> None:
    fd = client.call("open", path, "wb")
    client.upload("file_write", chunks, (fd,))
    client.call("file_close", fd)


def state(client, fd: str) -> dict[str, bool]:
    return {name: client.call(f"file_{name}", fd) for name in ("closed", "readable", "seekable", "writable")}


def test_label():
    assert Opendal.client() == "jumpstarter_driver_opendal.client.OpendalClient"


def test_whole_file(client, root):
    data = bytes(range(256)) * 20_000
    write(client, "deep/down/image.bin", data[:1_000_000], data[1_000_000:])
    assert (root / "deep/down/image.bin").read_bytes() == data
    fd = client.call("open", "/deep/down/image.bin", "rb")
    assert client.download("file_read", before=(fd,)) == data
    assert client.download("file_read", before=(fd,)) == b"", "nothing is left behind the end"
    assert client.call("hash", "deep/down/image.bin") == hashlib.sha256(data).hexdigest()
    assert client.call("hash", "deep/down/image.bin", "md5") == hashlib.md5(data).hexdigest()


def test_file_ids(client, root):
    root.joinpath("old").write_bytes(b"long content")
    fd = client.call("open", "old", "wb")
    assert str(uuid.UUID(fd)) == fd
    assert root.joinpath("old").read_bytes() == b""
    assert state(client, fd) == {"closed": False, "readable": False, "seekable": False, "writable": True}
    client.upload("file_write", [b"one"], (fd,))
    assert root.joinpath("old").read_bytes() == b"one"
    client.upload("file_write", [b", two"], (fd,))
    for _ in range(2):
        assert client.call("file_close", fd) is None
        assert state(client, fd) == {"closed": True, "readable": False, "seekable": False, "writable": False}
    fd = client.call("open", "old", "rb")
    assert state(client, fd) == {"closed": False, "readable": True, "seekable": True, "writable": False}
    assert client.download("file_read", before=(fd,)) == b"one, two"


def test_position(client, root):
    root.joinpath("digits").write_bytes(b"0123456789")
    fd = client.call("open", "digits", "rb")
    assert client.call("file_tell", fd) == 0
    assert client.call("file_seek", fd, 4) == 4
    assert client.call("file_seek", fd, 2, 1) == 6
    assert client.download("file_read", before=(fd,)) == b"6789"
    assert client.call("file_tell", fd) == 10
    assert client.call("file_seek", fd, -3, 2) == 7
    assert client.download("file_read", before=(fd,)) == b"789"
    assert client.call("file_seek", fd, 1000) == 1000
    assert client.download("file_read", before=(fd,)) == b""
    assert client.failure("file_seek", fd, -1) == "UNKNOWN: Cannot seek in 'digits': Invalid argument."
    for pos, whence in ((1.5, 0), ("1", 0), (1, 3)):
        assert client.failure("file_seek", fd, pos, whence) == (
            "INVALID_ARGUMENT: A position is a whole number, from start (0), here (1) or end (2), "
            f"not {pos!r} from {whence}."
        )


@pytest.mark.parametrize("method", [*FILE_METHODS, "file_seek"])
def test_wrong_ids(client, method):
    arguments = (0,) if method == "file_seek" else ()
    assert client.failure(method, "nonsense", *arguments) == (
        "INVALID_ARGUMENT: A file's id is a UUID, not 'nonsense'. Take it from open()."
    )
    assert (
        client.failure(method, 5, *arguments) == "INVALID_ARGUMENT: A file's id is a UUID, not 5. Take it from open()."
    )
    assert client.failure(method, NO_ID, *arguments) == f"UNKNOWN: No file {NO_ID} is open. Open it in this session."


def test_wrong_ids_of_transfers(client):
    assert client.upload_failure("file_write", before=("nonsense",)).startswith("INVALID_ARGUMENT: A file's id")
    assert client.download_failure("file_read", before=(NO_ID,)) == (
        f"UNKNOWN: No file {NO_ID} is open. Open it in this session."
    )


def test_wrong_mode(client, root):
    root.joinpath("file").write_bytes(b"content")
    reading, writing = client.call("open", "file", "rb"), client.call("open", "new", "wb")
    assert client.upload_failure("file_write", before=(reading,)) == (
        "UNKNOWN: The file 'file' was opened with mode 'rb' and cannot be written."
    )
    assert client.download_failure("file_read", before=(writing,)) == (
        "UNKNOWN: The file 'new' was opened with mode 'wb' and cannot be read."
    )
    for method, *arguments in (("file_tell",), ("file_seek", 0)):
        assert client.failure(method, writing, *arguments) == (
            "UNKNOWN: The file 'new' was opened with mode 'wb' and cannot be read."
        )
    client.call("file_close", reading)
    assert client.failure("file_tell", reading) == "UNKNOWN: The file 'file' is closed. Open it again."
    assert (
        client.download_failure("file_read", before=(reading,)) == "UNKNOWN: The file 'file' is closed. Open it again."
    )
    assert (
        client.failure("open", "file", "ab") == "INVALID_ARGUMENT: A file is opened with mode 'rb' or 'wb', not 'ab'."
    )


def test_file_whose_write_was_cancelled_is_removed(client, root):
    fd = client.call("open", "image", "wb")
    with client.resource() as stream:
        call = client.start("file_write", fd, stream.handle)
        for _ in range(8):
            stream.send(b"x" * 500_000)
        call.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            call.result()
    client.call("file_close", fd)
    assert list(root.iterdir()) == []
    client.call("file_close", fd)


def test_file_whose_client_went_away_is_removed_at_the_end_of_the_session(client, root, eventually):
    fd = client.call("open", "image", "wb")
    with client.resource() as stream:
        call = client.start("file_write", fd, stream.handle)
        stream.send(b"x" * 2_000_000)
        eventually(lambda: root.joinpath("image").stat().st_size)
    assert call.exception().details() == "The client went away before the end of its data."
    client.exporter.call(client.exporter.session.root_driver.close)
    assert list(root.iterdir()) == []


def test_file_that_was_written_anew_after_a_failure_stays(client, root):
    fd = client.call("open", "image", "wb")
    with client.resource() as stream:
        call = client.start("file_write", fd, stream.handle)
    assert call.exception() is not None
    client.call("file_close", fd)
    write(client, "image", b"content")
    assert root.joinpath("image").read_bytes() == b"content"


def test_stat(client, root):
    write(client, "folder/file", b"content")
    assert client.call("stat", "folder/file") == {
        "content_disposition": None,
        "content_length": 7,
        "content_md5": None,
        "content_type": None,
        "etag": None,
        "mode": {"entry_is_file": True, "entry_is_dir": False},
    }
    for path in ("folder", "folder/", "/"):
        assert client.call("stat", path)["mode"] == {"entry_is_file": False, "entry_is_dir": True}
    assert client.call("stat", "")["content_length"] == 0
    assert client.failure("stat", "none") == "UNKNOWN: Cannot look at 'none': No such file or directory."


def test_exists(client, root):
    write(client, "folder/file", b"")
    found = {
        path: client.call("exists", path) for path in ("folder/file", "folder", "folder/", "folder/file/", "none", "/")
    }
    assert found == {
        "folder/file": True,
        "folder": True,
        "folder/": True,
        "folder/file/": False,
        "none": False,
        "/": True,
    }


def test_managing_files(client, root):
    write(client, "a", b"content")
    assert client.call("copy", "a", "b/c") is None
    assert client.call("rename", "a", "d/e") is None
    assert client.call("create_dir", "f/g/") is None
    assert client.iterate("list", "/") == ["/", "b/", "d/", "f/"]
    assert client.iterate("scan", "") == ["/", "b/", "b/c", "d/", "d/e", "f/", "f/g/"]
    assert client.call("delete", "b/c") is None
    assert client.call("delete", "none") is None
    assert client.failure("delete", "d/") == "UNKNOWN: Cannot delete 'd/': Directory not empty."
    assert client.call("remove_all", "d/") is None
    assert client.iterate("scan", "/") == ["/", "b/", "f/", "f/g/"]


def test_nothing_outside_of_the_root(client, root):
    outside = root.parent / "outside"
    assert client.failure("open", "../outside", "wb") == (
        "INVALID_ARGUMENT: The path '../outside' goes up with '..'. Give the path from the storage's root."
    )
    root.joinpath("link").symlink_to(outside)
    assert client.failure("open", "link", "wb") == (
        "INVALID_ARGUMENT: The path 'link' leads out of the storage's root through a symbolic link."
    )
    assert not outside.exists()


@pytest.mark.parametrize("method", ["presign_stat", "presign_read", "presign_write"])
def test_no_presigned_urls(client, method):
    assert client.failure(method, "file", 60) == (
        "UNKNOWN: The files of this exporter have no URLs, 'file' neither. Open and transfer the file instead."
    )


def test_capability(client):
    found = client.call("capability")
    assert found == dict(CAPABILITY)
    assert found["presign"] is False
    assert found["write_total_max_size"] is None
    assert len(found) == 33


def test_created_resources(client, root):
    root.mkdir(exist_ok=True)
    root.joinpath("before").mkdir()
    write(client, "/a", b"")
    client.call("create_dir", "new/folder/")
    client.call("create_dir", "before/")
    client.call("copy", "a", "b")
    client.call("rename", "b", "c")
    client.call("register_path", "/by/somebody/else/")
    write(client, "gone/file", b"")
    write(client, "deleted", b"")
    client.call("remove_all", "gone/")
    client.call("delete", "deleted")
    assert client.call("get_created_resources") == ["a", "by/somebody/else", "c", "new/folder"]
    assert client.failure("register_path", "/") == (
        "INVALID_ARGUMENT: The storage's root cannot be registered; it would be emptied. Give a path below it."
    )


@pytest.mark.parametrize("remove", [False, True])
def test_what_stays_after_the_session(serving, root, remove):
    driver = Opendal(scheme="fs", kwargs={"root": str(root)}, remove_created_on_close=remove)
    client = serving(driver)
    root.joinpath("before").mkdir()
    root.joinpath("before/file").touch()
    write(client, "file", b"x")
    client.call("create_dir", "before/")
    client.call("create_dir", "new/")
    unclosed = client.call("open", "before/unclosed", "wb")
    client.upload("file_write", [b"data"], (unclosed,))
    client.exporter.call(driver.close)
    left = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    before = ["before", "before/file"]
    assert left == (before if remove else sorted([*before, "before/unclosed", "file", "new"]))
    assert client.failure("file_closed", unclosed) == f"UNKNOWN: No file {unclosed} is open. Open it in this session."
    assert client.call("get_created_resources") == []


def test_cleaning_up_goes_on_after_a_failure(serving, root, caplog):
    driver = Opendal(scheme="fs", kwargs={"root": str(root)}, remove_created_on_close=True)
    client = serving(driver)
    write(client, "a/file", b"")
    write(client, "b", b"")
    root.joinpath("a").rename(root.parent / "moved")
    root.joinpath("a").symlink_to(root.parent / "moved")
    caplog.set_level(logging.WARNING, "driver")
    client.exporter.call(driver.close)
    assert not root.joinpath("b").exists()
    assert root.parent.joinpath("moved/file").exists()
    assert (
        "could not clean up: The path 'a/file' leads out of the storage's root through a symbolic link." in caplog.text
    )


@pytest.mark.parametrize(
    ("scheme", "kwargs", "text"),
    [
        (
            "s3",
            {"bucket": "images"},
            "Opendal's scheme 's3' needs the package 'opendal', which is not installed. Install it, or use the scheme "
            "'fs', which serves a folder without it.",
        ),
        ("fs", {}, "Opendal's kwargs for scheme 'fs' are 'root', the folder, and no more, not nothing."),
        (
            "fs",
            {"root": "/tmp", "atomic_write_dir": "/tmp"},
            "Opendal's kwargs for scheme 'fs' are 'root', the folder, and no more, not atomic_write_dir, root.",
        ),
        ("fs", {"root": "/dev/null"}, "Opendal cannot use the folder /dev/null: File exists."),
    ],
)
def test_bad_configuration(scheme, kwargs, text, monkeypatch):
    monkeypatch.setitem(sys.modules, "opendal", None)
    with pytest.raises(ConfigurationError) as caught:
        Opendal(scheme=scheme, kwargs=kwargs)
    assert str(caught.value) == text
