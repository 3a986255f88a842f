from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from JumpstarterLibrary.exporter.drivers.background import BATCH_SIZE, BackgroundFile


class Sink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def send(self, data: bytes) -> None:
        self.chunks.append(data)


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for chunk in data:
        yield chunk


def test_write_and_read(tmp_path):
    path, data = tmp_path / "file", bytes(range(256)) * 10_000

    async def run() -> tuple[int, int, list[bytes]]:
        sink = Sink()
        async with BackgroundFile(path, "wb") as file:
            written = await file.write_from(chunks(*(data[start : start + 999] for start in range(0, len(data), 999))))
        async with BackgroundFile(path, "rb") as file:
            return written, await file.read_into(sink), sink.chunks

    written, read, parts = asyncio.run(run())
    assert (written, read, b"".join(parts)) == (len(data), len(data), data)
    assert max(map(len, parts)) == BATCH_SIZE


def test_content_is_there_before_the_file_is_closed(tmp_path):
    path = tmp_path / "file"

    async def run() -> bytes:
        async with BackgroundFile(path, "wb") as file:
            await file.write_from(chunks(b"first"))
            seen = path.read_bytes()
            await file.write_from(chunks(b", second"))
        return seen

    assert asyncio.run(run()) == b"first"
    assert path.read_bytes() == b"first, second"


def test_position(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")

    async def run() -> tuple[int, int, bytes]:
        sink = Sink()
        async with BackgroundFile(path, "rb") as file:
            where = await file.seek(-4, 2)
            await file.read_into(sink)
            return where, await file.tell(), b"".join(sink.chunks)

    assert asyncio.run(run()) == (6, 10, b"6789")


def test_cancelled_write_has_ended_when_the_file_is_closed(tmp_path, monkeypatch):
    path, entered, leave = tmp_path / "file", threading.Event(), threading.Event()

    async def run() -> bool:
        file = BackgroundFile(path, "wb")
        await file.open()

        class SlowDisk:
            closed = False

            def write(self, data: bytes) -> None:
                entered.set()
                assert leave.wait(10)
                path.write_bytes(bytes(data))

            def flush(self) -> None:
                return None

            def close(self) -> None:
                self.closed = True

        real, file._file = file._file, SlowDisk()
        real.close()
        writing = asyncio.create_task(file.write_from(chunks(b"x" * BATCH_SIZE)))
        await asyncio.to_thread(entered.wait, 10)
        writing.cancel()
        closing = asyncio.create_task(file.close())
        await asyncio.wait({closing}, timeout=0.05)
        waited = not closing.done()
        leave.set()
        await closing
        assert writing.done()
        return waited

    assert asyncio.run(run()) is True
    assert path.stat().st_size in (0, BATCH_SIZE)


def test_file_that_cannot_be_opened(tmp_path):
    async def run() -> BackgroundFile:
        file = BackgroundFile(tmp_path / "nowhere" / "file", "wb")
        with pytest.raises(FileNotFoundError):
            await file.open()
        await file.close()
        return file

    assert asyncio.run(run()).closed


def test_no_threads_stay(tmp_path):
    async def run() -> None:
        async with BackgroundFile(tmp_path / "file", "wb") as file:
            await file.write_from(chunks(b"data"))
            assert _file_threads() == 1
        again = BackgroundFile(tmp_path / "file", "rb")
        await again.open()
        again.close_now()
        assert again.closed

    asyncio.run(run())
    for thread in threading.enumerate():
        if thread.name == "exporter-file":
            thread.join(5)
    assert _file_threads() == 0


def _file_threads() -> int:
    return sum(thread.name == "exporter-file" for thread in threading.enumerate())
