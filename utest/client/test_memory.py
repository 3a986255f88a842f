"""A large transfer needs no more memory than a few frames of it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.exporter import Driver, HostedExporter, export
from JumpstarterLibrary.exporter.drivers.composite import Composite

ROOT = Path(__file__).parents[2]
SIZE = 64 << 20
LIMIT = {"upload": 32 << 20, "compressed upload": 32 << 20, "download": 48 << 20}
"""Bytes that a transfer may need; half of them have been seen."""

CLIENT = """
import io, sys
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.source import Source
from JumpstarterLibrary.types import Compression


class Nowhere(io.BytesIO):
    def write(self, data):
        return len(data)


def peak():
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def transfer(driver, what, path):
    match what:
        case "upload":
            return driver._upload("take", Source.of(path)).size
        case "compressed upload":
            return driver._upload("take", Source.of(path), compression=Compression.gzip, hash_content=True).content_size
        case "download":
            return driver._download("give", Nowhere(), int(sys.argv[4])).size


host, what, path, size, small = sys.argv[1:6]
with Device.connect(DirectConnection.from_arguments(host, environ={})) as device:
    driver = device.driver("sink")
    if what == "download":
        driver._download("give", Nowhere(), 100)
    else:
        driver._upload("take", Source.of(small))
    idle = peak()
    done = transfer(driver, what, path)
    print(done, peak() - idle)
"""


class Sink(Driver):
    """Takes everything and keeps nothing; gives as much as is wanted."""

    @classmethod
    def client(cls) -> str:
        return "test.Sink"

    @export
    async def take(self, handle: Mapping[str, Any]) -> None:
        async with self.resource(handle) as source:
            async for _ in source:
                pass

    @export
    async def give(self, handle: Mapping[str, Any], size: int) -> None:
        chunk = bytes(1 << 20)
        async with self.resource(handle) as sink:
            while size > 0:
                await sink.send(chunk[:size])
                size -= len(chunk)


@pytest.mark.parametrize(
    ("what", "decodes"),
    [("upload", ""), ("compressed upload", "exporter"), ("compressed upload", "client"), ("download", "")],
)
def test_a_transfer_of_64_mib(
    what: str, decodes: str, serving: Callable[..., HostedExporter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each takes some seconds: so much passes through a process of its own, and some of it is decompressed.
    if decodes == "client":
        monkeypatch.setenv("JMP_DISABLE_COMPRESSION", "1")
    host = serving(Composite(children={"sink": Sink()})).host
    path, small = tmp_path / "image", tmp_path / "small"
    small.write_bytes(b"x" * 100)
    if what == "compressed upload":
        # One mebibyte gives a thousand: what is decompressed at once has to be bounded, too.
        path.write_bytes(gzip.compress(bytes(SIZE), compresslevel=9, mtime=0))
    else:
        path.touch()
        os.truncate(path, SIZE)
    client = subprocess.run(
        [sys.executable, "-c", CLIENT, host, what, str(path), str(SIZE), str(small)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    assert client.returncode == 0, client.stderr
    done, grown = map(int, client.stdout.split())
    assert done == SIZE
    assert grown < LIMIT[what], f"{grown / 2**20:.1f} MiB"
