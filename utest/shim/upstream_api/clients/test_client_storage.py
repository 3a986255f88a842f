"""Clients of flashers, storage muxes and file stores: local files, URLs and operators of OpenDAL's kind."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import hashlib
import http.server
import io
import lzma
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest import mock

import pytest
from pytest_jumpstarter.upstream_api.clients.adapters.opendal import OpendalAdapter
from pytest_jumpstarter.upstream_api.clients.optional import MissingPackage
from pytest_jumpstarter.upstream_api.clients.transfers import clean_filename, operator_for_path, parse_path
from pytest_jumpstarter.upstream_api.config.exceptions import ArgumentError

from JumpstarterLibrary.client.drivers import FlasherProxy
from JumpstarterLibrary.client.events import TransferEnded
from JumpstarterLibrary.common.compression import can_decompress, encoding_of
from JumpstarterLibrary.errors import DriverError, TransferError, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.files import Opendal
from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMux, MockStorageMuxFlasher

Served = Callable[[Driver], Any]

DATA = bytes(range(256)) * 5000


class Operator:
    """Files in memory, with the interface of OpenDAL's operators."""

    def __init__(self, url: str | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.url = url

    def capability(self) -> SimpleNamespace:
        return SimpleNamespace(presign_read=self.url is not None)

    @contextmanager
    def open(self, path: str, mode: str) -> Iterator[io.BytesIO]:
        path = os.fspath(path)
        file = io.BytesIO(self.files[path] if mode == "rb" else b"")
        yield file
        if mode == "wb":
            self.files[path] = file.getvalue()

    def to_async_operator(self) -> Operator:
        return self

    async def presign_read(self, path: str, expire_second: int) -> SimpleNamespace:
        assert expire_second == 60
        return SimpleNamespace(url=f"{self.url}/{path}", method="GET", headers={})


@pytest.fixture
def web() -> Iterator[str]:
    """Serve DATA under any path of a local web server, and return its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(DATA)))
            self.end_headers()
            self.wfile.write(DATA)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.bin"
    path.write_bytes(DATA)
    return path


# Flashers


@pytest.mark.parametrize("target", [None, "rootfs"])
def test_an_image_and_back(served: Served, image: Path, tmp_path: Path, target: str | None) -> None:
    client = served(MockFlasher())
    client.flash(image, target=target)
    client.dump(tmp_path / "back", target=target)
    assert (tmp_path / "back").read_bytes() == DATA
    client.flash(str(image), target=target)


def test_both_faces_tell_the_same_of_a_transfer(served: Served, image: Path) -> None:
    client = served(MockFlasher())
    device, told = client.stub.device, []
    device.link.events.subscribe(told.append)
    proxy = device.proxy(client.stub.node)
    assert isinstance(proxy, FlasherProxy)
    for flasher in (client, proxy):
        flasher.flash(image, target="rootfs")
    (here, there) = (event for event in told if isinstance(event, TransferEnded))
    assert here == dataclasses.replace(there, time=here.time, seconds=here.seconds)
    assert (here.operation, here.name, here.size) == ("'flash' of the root driver", "image.bin", len(DATA))
    assert here.sha256 == hashlib.sha256(DATA).hexdigest()
    for flasher in (client, proxy):
        with pytest.raises(TransferError) as failure:
            flasher.dump("/proc/nothing/image", target="rootfs")
        assert str(failure.value) == (
            "The image could not be written to '/proc/nothing/image': No such file or directory."
        )


def test_several_targets(served: Served, image: Path, tmp_path: Path) -> None:
    client = served(MockFlasher())
    (tmp_path / "boot").write_bytes(b"a boot loader")
    assert client.flash({"boot": tmp_path / "boot", "rootfs": image}) == {"boot": None, "rootfs": None}
    client.dump(tmp_path / "back", target="boot")
    assert (tmp_path / "back").read_bytes() == b"a boot loader"


def test_the_arguments_are_those_of_upstream(served: Served, image: Path, tmp_path: Path) -> None:
    client = served(MockFlasher())
    with mock.patch.object(client, "call", side_effect=client.call) as call:
        client.flash(image)
        client.flash(image, target="x")
        client.dump(tmp_path / "back", target="x")
    assert call.call_args_list == [
        mock.call("flash", mock.ANY, None),
        mock.call("flash", mock.ANY, "x"),
        mock.call("dump", mock.ANY, "x"),
    ]


def test_a_url_is_fetched_by_the_exporter(served: Served, web: str, tmp_path: Path) -> None:
    client = served(MockFlasher())
    client.flash(f"{web}/image.bin")
    client.dump(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == DATA


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_compressed_images(served: Served, tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "packed").write_bytes(pack(DATA))
    client = served(MockFlasher())
    client.flash(tmp_path / "packed", compression=name)
    client.dump(tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == DATA
    client.dump(tmp_path / "again", compression=name)
    unpack = {"gzip": gzip.decompress, "xz": lzma.decompress, "bz2": bz2.decompress}[name]
    assert unpack((tmp_path / "again").read_bytes()) == DATA


@pytest.mark.skipif(not can_decompress("zstd"), reason="no module for zstd is installed")
def test_zstd_images(served: Served, tmp_path: Path) -> None:
    client = served(MockFlasher())
    (tmp_path / "image").write_bytes(DATA)
    client.flash(tmp_path / "image")
    client.dump(tmp_path / "packed", compression="zstd")
    assert encoding_of((tmp_path / "packed").read_bytes()) == "zstd"
    (tmp_path / "image").write_bytes(b"another")
    client.flash(tmp_path / "image")
    client.flash(tmp_path / "packed", compression="zstd")
    client.dump(tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == DATA


def test_zstd_without_a_module_for_it(served: Served, tmp_path: Path, without_zstd: None) -> None:
    client = served(MockFlasher())
    (tmp_path / "image").write_bytes(DATA)
    client.flash(tmp_path / "image")
    with pytest.raises(UsageError) as caught:
        client.dump(tmp_path / "packed", compression="zstd")
    assert str(caught.value) == (
        "This side cannot compress zstd. Install robotframework-jumpstarter[zstd], use gzip, xz or bz2, or leave "
        "compression= out."
    )


def test_upstreams_enumeration_of_compressions(served: Served, tmp_path: Path) -> None:
    from pytest_jumpstarter.upstream_api.exporter.encoding import Compression

    (tmp_path / "packed").write_bytes(gzip.compress(DATA))
    client = served(MockFlasher())
    client.flash(tmp_path / "packed", compression=Compression.GZIP)
    client.dump(tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == DATA


def test_an_operator(served: Served) -> None:
    client = served(MockFlasher())
    operator = Operator()
    operator.files["image"] = DATA
    client.flash("image", operator=operator)
    client.dump("back", operator=operator)
    assert operator.files["back"] == DATA
    client.flash({"a": "image"}, operator={"a": operator})


def test_an_operator_that_can_sign(served: Served, web: str, tmp_path: Path) -> None:
    client = served(MockFlasher())
    client.flash("image", operator=Operator(web))
    client.dump(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == DATA


def test_contradictions(served: Served, image: Path, tmp_path: Path) -> None:
    client = served(MockFlasher())
    with pytest.raises(ArgumentError) as failure:
        client.flash({"boot": image}, target="rootfs")
    assert str(failure.value) == (
        "target='rootfs' and a mapping of targets to images contradict each other. Leave target= out."
    )
    with pytest.raises(ArgumentError, match="operator= is a mapping, but there is only one image"):
        client.flash(image, operator={"a": Operator()})
    with pytest.raises(
        ValueError,
        match=r"^compression= needs the image here, and the exporter fetches 'http://127\.0\.0\.1:1/x' by itself\.",
    ):
        client.flash("http://127.0.0.1:1/x", compression="gzip")
    with pytest.raises(UsageError, match="compression= does not go with a URL"):
        client.dump("http://127.0.0.1:1/x", compression="gzip")
    with pytest.raises(UsageError, match=r"There is no compression 'rar'\. Choose one of: none, gzip, xz, bz2, zstd\."):
        client.flash(image, compression="rar")


def test_the_flasher_of_the_core_only_warns_of_a_url_that_is_compressed(
    served: Served, web: str, tmp_path: Path
) -> None:
    class Core(MockFlasher):
        client = classmethod(lambda cls: "jumpstarter.client.flasher.FlasherClient")

    client = served(Core())
    with pytest.warns(UserWarning, match="The compression parameter is ignored for a URL"):
        client.flash(f"{web}/image", compression="gzip")
    client.dump(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == DATA
    (tmp_path / "packed").write_bytes(gzip.compress(DATA))
    client.flash(tmp_path / "packed", compression="gzip")


def test_an_image_that_is_not_there(served: Served, tmp_path: Path) -> None:
    client = served(MockFlasher())
    with pytest.raises(FileNotFoundError) as failure:
        client.flash(tmp_path / "nothing")
    assert isinstance(failure.value, UsageError)
    assert str(failure.value).startswith(f"There is no image file '{tmp_path / 'nothing'}'.")


def test_a_dump_that_fails_leaves_no_file(served: Served, tmp_path: Path) -> None:
    class Empty(MockFlasher):
        @export
        async def dump(self, target: dict[str, Any], partition: str | None = None) -> None:
            raise RuntimeError("the medium has gone")

    with pytest.raises(DriverError, match="the medium has gone"):
        served(Empty()).dump(tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_breaks(served: Served) -> None:
    class Broken(Operator):
        @contextmanager
        def open(self, path: str, mode: str) -> Iterator[Any]:
            def read(size: int) -> bytes:
                raise ConnectionError("the bucket has gone")

            yield SimpleNamespace(read=read)

    with pytest.raises(TransferError) as failure:
        served(MockFlasher()).flash("image", operator=Broken())
    assert isinstance(failure.value, DriverError)
    assert str(failure.value) == (
        "The image 'image' could not be read to its end: the bucket has gone. 0 bytes were sent, and the write was "
        "cancelled."
    )


def test_whether_a_file_has_to_be_uploaded(served: Served, image: Path, tmp_path: Path) -> None:
    store = served(Opendal(scheme="fs", kwargs={"root": str(tmp_path / "store")}))
    flasher = served(MockFlasher())
    operator = Operator()
    operator.files[str(image)] = DATA
    should = flasher._should_upload_file
    assert should(store, "image.bin", image, operator)
    store.write_from_path("image.bin", image)
    assert not should(store, "image.bin", image, operator)
    assert should(store, "image.bin", image, operator, "http")
    operator.files[str(image)] = b"something else"
    assert should(store, "image.bin", image, operator)
    assert should(store, "image.bin", "not there", operator)


# Muxes


def test_files_on_a_mux(served: Served, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served(MockStorageMux())
    assert client.write_local_file(str(image)) is None
    assert client.read_local_file(str(tmp_path / "back")) is None
    assert (tmp_path / "back").read_bytes() == DATA
    monkeypatch.chdir(tmp_path)
    client.write_local_file("./image.bin")
    client.read_local_file("again")
    assert (tmp_path / "again").read_bytes() == DATA
    operator = Operator()
    operator.files["/x"] = b"from an operator"
    client.write_file(operator, "/x")
    client.read_file(operator=operator, path="/y")
    assert operator.files["/y"] == b"from an operator"
    client.host()
    client.dut()
    client.off()


def test_a_mux_that_flashes_switches_sides(served: Served, image: Path, tmp_path: Path) -> None:
    client = served(MockStorageMuxFlasher())
    with mock.patch.object(client, "call", side_effect=client.call) as call:
        client.flash(image)
        client.dump(tmp_path / "back")
    assert [each.args[0] for each in call.call_args_list] == ["host", "write", "dut", "host", "read", "dut"]
    assert (tmp_path / "back").read_bytes() == DATA


def test_a_mux_gives_the_medium_back_after_a_failure(served: Served, image: Path, tmp_path: Path) -> None:
    class Failing(MockStorageMuxFlasher):
        asked: ClassVar[list[str]] = []

        @export
        async def host(self) -> None:
            self.asked.append("host")

        @export
        async def dut(self) -> None:
            self.asked.append("dut")

        @export
        async def write(self, src: dict[str, Any]) -> None:
            raise RuntimeError("no medium")

    driver = Failing()
    client = served(driver)
    with pytest.raises(DriverError, match="no medium"):
        client.flash(image)
    assert driver.asked == ["host", "dut"]
    with pytest.raises(FileNotFoundError):
        client.flash(tmp_path / "nothing")
    assert driver.asked == ["host", "dut"], "something was switched for an image that is not there"


def test_a_mux_of_a_user_switches_in_its_own_way_also_after_a_failure(served: Served, image: Path) -> None:
    class Failing(MockStorageMuxFlasher):
        @export
        async def write(self, src: dict[str, Any]) -> None:
            raise RuntimeError("no medium")

    client = served(Failing())
    asked: list[str] = []

    class Relay(type(client)):  # type: ignore[misc]
        def host(self) -> None:
            asked.append("host")

        def dut(self) -> None:
            asked.append("dut")

    client.__class__ = Relay
    with pytest.raises(DriverError, match="no medium"):
        client.flash(image)
    assert asked == ["host", "dut"]


def test_a_mux_has_no_targets(served: Served, image: Path) -> None:
    client = served(MockStorageMuxFlasher())
    with pytest.raises(ArgumentError) as failure:
        client.flash(image, target="boot")
    assert str(failure.value) == (
        "The root driver is a storage mux, which writes the whole medium and knows no target 'boot'. Leave target= out."
    )
    with pytest.raises(ArgumentError, match="knows no target 'boot'"):
        client.dump(image, target="boot")
    with pytest.raises(ArgumentError, match="writes one image to the whole medium, not several to targets"):
        client.flash({"boot": image})


# File stores


@pytest.fixture
def store(served: Served, tmp_path: Path) -> Any:
    return served(Opendal(scheme="fs", kwargs={"root": str(tmp_path / "store")}))


def test_whole_files(store: Any, image: Path, tmp_path: Path, web: str) -> None:
    assert store.write_bytes("a/one", b"content") is None, "an interactive session would show it"
    assert store.read_bytes("a/one") == b"content"
    store.write_bytes("empty", b"")
    assert store.read_bytes("empty") == b""
    store.write_from_path("image", image)
    store.read_into_path("image", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == DATA
    store.write_from_path("fetched", f"{web}/x")
    assert store.read_bytes("fetched") == DATA
    operator = Operator()
    operator.files["x"] = b"from an operator"
    store.write_from_path("other", "x", operator)
    store.read_into_path("other", "y", operator)
    assert operator.files["y"] == b"from an operator"


def test_what_is_known_of_files(store: Any) -> None:
    store.write_bytes("one", b"content")
    found = store.stat("one")
    assert (found.content_length, found.mode.is_file(), found.mode.is_dir()) == (7, True, False)
    assert found.model_dump()["mode"] == {"entry_is_file": True, "entry_is_dir": False}
    assert store.hash("one") == hashlib.sha256(b"content").hexdigest()
    assert store.hash("one", "md5") == hashlib.md5(b"content").hexdigest()
    store.create_dir("sub/")
    store.copy("one", "sub/two")
    store.rename("sub/two", "sub/three")
    assert sorted(store.list("sub/")) == ["sub/", "sub/three"]
    assert sorted(store.scan("/")) == ["/", "one", "sub/", "sub/three"]
    assert "one" in store.get_created_resources()
    store.delete("one")
    store.remove_all("sub/")
    assert not store.exists("one")
    assert not store.exists("sub/")
    capability = store.capability()
    assert (capability.read, capability.presign_read) == (True, False)


def test_open_files(store: Any) -> None:
    file = store.open("one", "wb")
    assert (file.closed, file.readable(), file.writable()) == (False, False, True)
    file.write_bytes(b"0123456789")
    file.close()
    assert file.closed
    file = store.open("one", "rb")
    assert (file.seekable(), file.seek(-3, os.SEEK_END), file.tell()) == (True, 7, 7)
    assert file.read_bytes() == b"789"
    file.close()
    with pytest.raises(UsageError, match=r"'r\+' is no mode to open a file on the exporter\. Use 'rb' or 'wb'\."):
        store.open("one", "r+")


# What others build on


def test_an_adapter_for_calls_of_ones_own(served: Served, tmp_path: Path) -> None:
    client = served(MockFlasher())
    operator = Operator()
    operator.files["image"] = DATA
    with OpendalAdapter(client=client, operator=operator, path="image") as handle:
        client.call("flash", handle, None)
    with OpendalAdapter(client=client, operator=operator, path="back", mode="wb") as handle:
        client.call("dump", handle, None)
    assert operator.files["back"] == DATA
    url = "https://host/x?sig=1"
    with OpendalAdapter(client=client, operator=operator, path="x", original_url=url) as handle:
        assert (handle["url"], handle["method"]) == (url, "GET")
    with (
        pytest.raises(UsageError, match="original_url is for files that are sent to a driver"),
        OpendalAdapter(client=client, operator=operator, path="x", mode="wb", original_url=url),
    ):
        pass


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/images/a.raw.xz", "a.raw.xz"),
        (Path("/images/a.raw.xz"), "a.raw.xz"),
        ("/images/a.raw.xz?Signature=a/b", "a.raw.xz"),
        ("https://host/images/a.raw.xz?Signature=a/b", "a.raw.xz"),
        ("a.raw", "a.raw"),
    ],
)
def test_names_of_files(path: Any, name: str) -> None:
    assert clean_filename(path) == name


def test_paths_and_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_path("x") == (tmp_path / "x", None)
    assert parse_path("https://host/x") == (None, "https://host/x")


def test_operators_need_opendal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opendal", None)
    with pytest.raises(MissingPackage) as failure:
        operator_for_path("/tmp/x")
    assert str(failure.value) == (
        "operator_for_path needs the package 'opendal', which is not installed. "
        "Install robotframework-jumpstarter[opendal]."
    )
