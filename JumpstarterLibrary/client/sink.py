"""Sinks of downloads: files that appear when they are complete, devices and FIFOs, and functions."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from JumpstarterLibrary.common.drafts import draft_of
from JumpstarterLibrary.errors import JumpstarterError, TransferError, UsageError


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class DownloadSink:
    """Where the bytes of a download go.

    Attributes:
        name: The file, for messages and reports.
        write: Called with the bytes as they come, in a thread of the download.
        end: Called in that thread when they are complete.
    """

    name: str
    write: Callable[[bytes], object]
    end: Callable[[], object] = _nothing

    @classmethod
    def of(cls, what: Any) -> DownloadSink:
        """Return the sink for an open file; a sink is its own."""
        return (
            what if isinstance(what, DownloadSink) else cls(str(getattr(what, "name", "bytes in memory")), what.write)
        )


@contextmanager
def local_sink(path: Path) -> Iterator[DownloadSink]:
    """Open a local file for a download. A regular file appears under its name only when the block has ended well.

    Args:
        path: The file to write; folders above it are made. A symbolic link stays, and what it leads to is written.
            Devices and FIFOs are written as the data comes.

    Raises:
        UsageError: It is no path of a file, or a FIFO that no process reads.
        TransferError: It cannot be written.
    """
    if not path.name:
        raise UsageError(f"'{path}' is no file to write an image to.")
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replaced(target) if _is_regular(path) else _opened(path) as write:
            yield DownloadSink(str(path), write)
    except JumpstarterError:
        raise  # some of ours are OSErrors as well
    except OSError as error:
        raise write_error(str(path), error) from error


def _is_regular(path: Path) -> bool:
    """Return whether a path is that of a regular file, or of none yet."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextmanager
def _replaced(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Write a file beside the one of that name, and put it in its place when the block has ended well."""
    with draft_of(path, suffix=".part") as file:
        yield file.write


@contextmanager
def _opened(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Write to a device or a FIFO directly."""
    try:
        # Otherwise this waited for a process that reads a FIFO, without a limit.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise UsageError(f"No process reads the FIFO '{path}'. Start its reader before the download.") from error
        raise
    os.set_blocking(descriptor, True)
    # Without a buffer: closing one would wait for a write that a stalled reader holds up.
    with io.FileIO(descriptor, "wb") as file:
        yield lambda data: _write_all(file, data)


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def write_error(name: str, error: Exception) -> TransferError:
    """Return the error for a file that cannot be written to its end."""
    return TransferError(f"The image could not be written to '{name}': {reason_of(error)}.")


def reason_of(error: Exception) -> str:
    """Return the reason of a failure in words: those of the system for a file, else the error's own."""
    return str(getattr(error, "strerror", None) or error) or repr(error)
