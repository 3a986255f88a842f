from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from JumpstarterLibrary.exporter.drivers.storage import MockFlasher, MockStorageMux, MockStorageMuxFlasher, Side
from JumpstarterLibrary.exporter.resources import PendingResource
from JumpstarterLibrary.exporter.streams import BrokenStream, memory_pair

MIB = 1024 * 1024


@pytest.fixture(params=[MockStorageMux, MockStorageMuxFlasher])
def mux(request):
    return request.param()


def test_labels():
    package = "jumpstarter_driver_opendal.client"
    assert MockStorageMux.client() == f"{package}.StorageMuxClient"
    assert MockStorageMuxFlasher.client() == f"{package}.StorageMuxFlasherClient"
    assert MockFlasher.client() == f"{package}.FlasherClient"


def test_mux_reads_what_was_written(serving, mux):
    client = serving(mux)
    assert client.download("read") == b""
    client.upload("write", [b"first image, ", b"in two chunks"])
    assert client.download("read") == b"first image, in two chunks"
    client.upload("write", [b"short"])
    assert client.download("read") == b"short"


def test_mux_keeps_its_position(serving, mux):
    client = serving(mux)
    assert mux.side is Side.OFF
    for method, side in (("host", Side.HOST), ("dut", Side.DEVICE), ("off", Side.OFF)):
        assert client.call(method) is None
        assert mux.side is side
        client.upload("write", [method.encode()])
        assert client.download("read") == method.encode()
        assert mux.side is side


def test_mux_writes_a_medium_of_ones_own(serving, tmp_path):
    medium = tmp_path / "sd.img"
    medium.write_bytes(b"what was there")
    client = serving(MockStorageMux(path=str(medium)))
    assert client.download("read") == b"what was there"
    client.upload("write", [b"new"])
    assert medium.read_bytes() == b"new"


def test_medium_of_ones_own_stays_and_private_one_goes(tmp_path):
    own, private = MockStorageMux(path=str(tmp_path / "sd.img")), MockStorageMux()
    places = [own.medium, private.medium]
    assert [place.read_bytes() for place in places] == [b"", b""]
    assert private.medium.parent.stat().st_mode & 0o777 == 0o700
    own.close()
    private.close()
    assert [place.exists() for place in places] == [True, False]
    assert private.medium.read_bytes() == b"", "a closed driver starts again with a blank medium"
    private.close()


def test_mux_says_when_its_medium_cannot_be_written(serving, tmp_path):
    client = serving(MockStorageMux(path=str(tmp_path / "nowhere" / "sd.img")))
    assert client.upload_failure("write").startswith("INTERNAL: [Errno 2] No such file or directory")


def test_bad_handle_leaves_the_medium_alone(serving, mux):
    client = serving(mux)
    client.upload("write", [b"precious"])
    assert client.failure("write", "text").startswith("INVALID_ARGUMENT: A resource handle is an object")
    assert client.download("read") == b"precious"


def test_large_image_arrives_unharmed(serving, mux):
    size, chunk = 24 * MIB, bytes(range(256)) * 1000
    expected, sent = hashlib.sha256(), []
    for start in range(0, size, len(chunk)):
        sent.append(chunk[: size - start])
        expected.update(sent[-1])
    client = serving(mux)
    client.upload("write", sent)
    assert mux.medium.stat().st_size == size
    data = client.download("read")
    assert len(data) == size
    assert hashlib.sha256(data).digest() == expected.digest()


def test_cancelled_write_leaves_the_first_part(serving, mux, caplog):
    caplog.set_level(logging.WARNING, "driver")
    client = serving(mux)
    client.upload("write", [b"old " * 1000])
    with client.resource() as stream:
        call = client.start("write", stream.handle)
        stream.send(b"a" * 3 * MIB)
        stream.send(b"b" * 1000)
        _wait_for_size(mux.medium, 3 * MIB)
        call.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            call.result()
    # A further transfer waits until the cancelled one has let go.
    data = client.download("read")
    assert data.rstrip(b"b") == b"a" * 3 * MIB
    assert "writing medium ended early; it holds the first part of the data" in caplog.text


def test_write_fails_when_its_data_breaks_off(serving, mux):
    client, near, far = serving(mux), *memory_pair()
    uuid = uuid4()
    mux.resources[uuid] = PendingResource(far)

    async def write() -> None:
        writing = asyncio.create_task(mux.write({"kind": "client_stream", "uuid": str(uuid)}))
        await near.send(b"a" * 100)
        while near._outgoing._chunks:
            await asyncio.sleep(0)
        near.break_off("the client went away")
        await writing

    with pytest.raises(BrokenStream, match=r"^the client went away$"):
        client.exporter.run(write())
    assert client.download("read") == b"a" * 100


def test_write_fails_when_its_client_goes_away(serving, mux):
    client = serving(mux)
    with client.resource() as stream:
        call = client.start("write", stream.handle)
        stream.send(b"a" * 2 * MIB)
        _wait_for_size(mux.medium, 2 * MIB)
        stream.cancel()
        assert call.exception().code() is grpc.StatusCode.UNKNOWN
        assert call.exception().details() == "The client went away before the end of its data."
    assert client.download("read") == b"a" * 2 * MIB


def test_transfers_wait_for_each_other(serving, mux):
    client = serving(mux)
    with client.resource() as first:
        slow = client.start("write", first.handle)
        first.send(b"1" * MIB)
        _wait_for_size(mux.medium, MIB)
        second = threading.Thread(target=client.upload, args=("write", [b"2" * MIB]), daemon=True)
        second.start()
        first.send(b"1")
        second.join(0.1)
        assert second.is_alive()
        first.send_eof()
        slow.result()
    second.join(10)
    assert client.download("read") == b"2" * MIB


def test_flasher_keeps_a_file_per_partition(serving, tmp_path):
    client = serving(MockFlasher(path=str(tmp_path / "flash")))
    client.upload("flash", [b"whole"])
    client.upload("flash", [b"boot"], after=("boot",))
    client.upload("flash", [b"other"], after=("..",))
    assert client.download("dump") == b"whole"
    assert client.download("dump", after=(None,)) == b"whole"
    assert client.download("dump", after=("boot",)) == b"boot"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["flash", "image", "image...", "image.boot"]


def test_flasher_says_what_it_cannot_do(serving):
    client = serving(MockFlasher())
    assert client.download_failure("dump") == "UNKNOWN: Nothing has been flashed yet. Flash an image first."
    assert client.download_failure("dump", after=("boot",)) == (
        "UNKNOWN: Nothing has been flashed to partition 'boot' yet. Flash an image first."
    )
    for partition in ("", 7, "x" * 201):
        assert client.upload_failure("flash", after=(partition,)) == (
            f"INVALID_ARGUMENT: A partition's name is text of 1 to 200 characters, not {str(partition)[:80]!r}."
        )
    assert client.upload_failure("flash", after=("../../boot",)) == (
        "INVALID_ARGUMENT: A partition's name has no slashes and no null characters: '../../boot' does."
    )


def test_flasher_removes_its_private_files():
    flasher = MockFlasher()
    folder = flasher.image().parent
    assert folder.is_dir()
    flasher.close()
    assert not folder.exists()


def _wait_for_size(path: Path, size: int) -> None:
    waiting = threading.Event()
    for _ in range(1000):
        if path.stat().st_size >= size:
            return
        waiting.wait(0.01)
    raise AssertionError(f"{path} did not grow to {size} bytes")
