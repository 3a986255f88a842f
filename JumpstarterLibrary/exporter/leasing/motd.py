"""The file in which a beforeLease hook can leave a message for clients."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from JumpstarterLibrary.common.unix_sockets import private_directory, remove_directory

LIMIT = 64 * 1024
"""Bytes of the file that count."""


class MotdFile:
    """An empty file in a directory that only this user may enter, as long as the block runs.

    Attributes:
        path: The file.
    """

    path: Path

    def __enter__(self) -> Self:
        """Make the file."""
        self._directory = private_directory()
        self.path = self._directory / "motd"
        self.path.touch(mode=0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove it."""
        remove_directory(self._directory)

    def appended_to(self, motd: str | None) -> str | None:
        """Return a message with what the hook wrote below it."""
        try:
            with self.path.open("rb") as file:
                written = file.read(LIMIT).decode(errors="replace").strip()
        except OSError:
            # The hook removed it, or put something else in its place.
            written = ""
        return "\n".join(part for part in (motd, written) if part) or None
