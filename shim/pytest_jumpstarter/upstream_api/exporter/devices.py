"""Block devices that come and go: cards in readers, and sticks behind switches."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterable
from pathlib import Path
from typing import IO, Literal

from JumpstarterLibrary.exporter.drivers.background import BackgroundFile, Sink

POLL_S = 0.2
"""Seconds between two looks at a device."""

_NOT_YET = (errno.ENOENT, errno.ENOMEDIUM, errno.EIO, errno.ENXIO, errno.EBUSY)

_FLAGS = {"wb": os.O_WRONLY, "rb": os.O_RDONLY}

Device = str | os.PathLike[str]


async def wait_for_storage_device(
    storage_device: Device,
    mode: Literal["wb", "rb"],
    timeout: float = 10,
    *,
    logger: logging.Logger | None = None,
) -> Device:
    """Wait until a block device is there, can be opened and has a medium in it; return it.

    Args:
        storage_device: The device's path.
        mode: What it is to be opened for.
        timeout: Seconds to wait at most.
        logger: Is told of the waiting.

    Raises:
        TimeoutError: It did not come in time.
        OSError: It can never be opened like this, for example for want of permission.
        ValueError: There is no such mode.
    """
    if mode not in _FLAGS:
        raise ValueError(f"A device is opened with mode 'rb' or 'wb', not {mode!r}.")
    reason = ""
    try:
        async with asyncio.timeout(timeout):
            while not reason.startswith("ready"):
                before, reason = reason, await asyncio.to_thread(_look, storage_device, mode)
                if logger is not None and reason != before:
                    logger.info("the storage device %s is %s", storage_device, reason)
                if not reason.startswith("ready"):
                    await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise TimeoutError(f"The storage device {storage_device} is {reason}, after {timeout:g} seconds.") from error
    return storage_device


async def write_to_storage_device(
    storage_device: Device,
    resource: AsyncIterable[bytes],
    timeout: float = 10,
    fsync_timeout: float = 900,
    leeway: float = 6,
    *,
    logger: logging.Logger | None = None,
) -> None:
    """Write all that a resource yields to the beginning of a block device, and wait until the medium has it.

    Args:
        storage_device: The device's path.
        resource: The data.
        timeout: Seconds to wait for the device.
        fsync_timeout: Seconds to wait for the medium at the end.
        leeway: Seconds to leave the device alone then: some readers still write.
        logger: Is told what happens.

    Raises:
        TimeoutError: The device did not come, or the medium did not take the data, in time.
        OSError: The device cannot be written.
    """
    path = await wait_for_storage_device(storage_device, "wb", timeout, logger=logger)
    descriptor = await asyncio.to_thread(os.open, path, os.O_WRONLY)
    try:
        async with BackgroundFile(_Opened(descriptor), "wb") as target:
            size = await target.write_from(resource)
        _say(logger, "wrote %d bytes to %s", size, storage_device)
        async with asyncio.timeout(fsync_timeout):
            await _synced(descriptor)
    finally:
        os.close(descriptor)
    await asyncio.sleep(leeway)


async def read_from_storage_device(
    storage_device: Device, resource: Sink, timeout: float = 10, *, logger: logging.Logger | None = None
) -> None:
    """Send all that is on a block device to a resource.

    Args:
        storage_device: The device's path.
        resource: Where to.
        timeout: Seconds to wait for the device.
        logger: Is told what happens.

    Raises:
        TimeoutError: The device did not come in time.
        OSError: It cannot be read.
    """
    path = await wait_for_storage_device(storage_device, "rb", timeout, logger=logger)
    async with BackgroundFile(Path(path), "rb") as source:
        size = await source.read_into(resource)
    _say(logger, "read %d bytes from %s", size, storage_device)


class _Opened:
    """A device that is open: what "wb" would do to a file, make it anew, does not happen."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def open(self, mode: str, /) -> IO[bytes]:
        return os.fdopen(os.dup(self._descriptor), mode)


async def _synced(descriptor: int) -> None:
    while True:
        try:
            return await asyncio.to_thread(os.fsync, descriptor)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            await asyncio.sleep(POLL_S)


def _look(device: Device, mode: str) -> str:
    try:
        descriptor = os.open(device, _FLAGS[mode])
    except OSError as error:
        if error.errno not in _NOT_YET:
            raise
        return f"not usable: {error.strerror}"
    try:
        return "ready" if os.lseek(descriptor, 0, os.SEEK_END) > 0 else "without a medium"
    except OSError as error:
        return f"not usable: {error.strerror}"
    finally:
        os.close(descriptor)


def _say(logger: logging.Logger | None, text: str, *arguments: object) -> None:
    if logger is not None:
        logger.info(text, *arguments)
