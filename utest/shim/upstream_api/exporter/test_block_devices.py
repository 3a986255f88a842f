"""Block devices that come and go; files stand in for them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.exporter import devices

from JumpstarterLibrary.exporter.streams import memory_pair

IMAGE = os.urandom(3_000_000)


async def chunks() -> AsyncIterator[bytes]:
    for start in range(0, len(IMAGE), 200_000):
        yield IMAGE[start : start + 200_000]


def test_an_image_goes_to_the_beginning_and_the_rest_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    card = tmp_path / "card"
    card.write_bytes(b"\xff" * (len(IMAGE) + 10))
    caplog.set_level(logging.INFO)
    asyncio.run(devices.write_to_storage_device(card, chunks(), leeway=0, logger=logging.getLogger("test")))
    assert card.read_bytes() == IMAGE + b"\xff" * 10
    assert caplog.messages == [f"the storage device {card} is ready", f"wrote 3000000 bytes to {card}"]


def test_a_device_is_read_to_its_end(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        near, far = memory_pair(1000, len(IMAGE))
        await devices.read_from_storage_device(card, near)
        await near.send_eof()
        return b"".join([chunk async for chunk in far])

    card = tmp_path / "card"
    card.write_bytes(IMAGE)
    assert asyncio.run(scenario()) == IMAGE


def test_a_device_that_comes_later_and_gets_its_medium_later_still(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card = tmp_path / "card"
    caplog.set_level(logging.INFO)

    async def until(word: str) -> None:
        async with asyncio.timeout(30):
            while not any(word in message for message in caplog.messages):
                await asyncio.sleep(0.01)

    async def scenario() -> None:
        waiting = asyncio.create_task(
            devices.wait_for_storage_device(card, "rb", timeout=60, logger=logging.getLogger("test"))
        )
        await until("not usable")
        card.touch()
        await until("without a medium")
        assert not waiting.done()
        card.write_bytes(b"x")
        assert await waiting == card

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "not usable: No such file or directory"), (b"", "without a medium")]
)
def test_a_device_that_never_comes(tmp_path: Path, content: bytes | None, reason: str) -> None:
    card = tmp_path / "card"
    if content is not None:
        card.write_bytes(content)
    with pytest.raises(TimeoutError) as caught:
        asyncio.run(devices.wait_for_storage_device(card, "wb", timeout=0.5))
    assert str(caught.value) == f"The storage device {card} is {reason}, after 0.5 seconds."


def test_what_waiting_does_not_help(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        asyncio.run(devices.wait_for_storage_device(tmp_path, "wb"))
    mode: Any = "ab"
    with pytest.raises(ValueError, match=r"^A device is opened with mode 'rb' or 'wb', not 'ab'\.$"):
        asyncio.run(devices.wait_for_storage_device(tmp_path / "card", mode))


def test_a_medium_that_needs_a_second_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, tries = tmp_path / "card", []
    card.write_bytes(b"old")

    def fsync(_descriptor: int) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.EIO, "busy")

    monkeypatch.setattr(os, "fsync", fsync)
    asyncio.run(devices.write_to_storage_device(card, chunks(), leeway=0))
    assert (len(tries), card.read_bytes()) == (3, IMAGE)


def test_a_medium_that_never_takes_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(errno.EIO, "busy")

    card = tmp_path / "card"
    card.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TimeoutError):
        asyncio.run(devices.write_to_storage_device(card, chunks(), fsync_timeout=0.1, leeway=0))
