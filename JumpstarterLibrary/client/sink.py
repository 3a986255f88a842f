"""Sinks of downloads: files that appear when they are complete, and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """Open a local file for a download. It appears under its name only when the block has ended well.

    Args:
        path: The file to write; folders above it are made.

    Raises:
        UsageError: It is no path of a file.
        TransferError: It cannot be written.
    """
    if not path.name:
        raise UsageError(f"'{path}' is no file to write an image to.")
    partial = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield DownloadSink(str(path), file.write)
        partial.replace(path)
    except JumpstarterError:
        raise  # some of ours are OSErrors as well
    except OSError as error:
        raise write_error(str(path), error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_error(name: str, error: Exception) -> TransferError:
    """Return the error for a file that cannot be written to its end."""
    return TransferError(f"The image could not be written to '{name}': {reason_of(error)}.")


def reason_of(error: Exception) -> str:
    """Return the reason of a failure in words: those of the system for a file, else the error's own."""
    return str(getattr(error, "strerror", None) or error) or repr(error)
