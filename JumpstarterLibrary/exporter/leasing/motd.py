"""The file in which a beforeLease hook can leave a message for clients."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Self

from JumpstarterLibrary.common.unix_sockets import private_directory, remove_directory

_log = logging.getLogger(__name__)

LIMIT = 64 * 1024
"""Bytes of the file that count."""


class MotdFile:
    """An empty file in a directory that only this user may enter, as long as the block runs.

    Attributes:
        path: The file; None where it cannot be made: a full disk is no reason to lose a lease.
    """

    path: Path | None = None
    _directory: Path | None = None

    def __enter__(self) -> Self:
        """Make the file."""
        try:
            self._directory = private_directory()
            path = self._directory / "motd"
            path.touch(mode=0o600)
        except OSError as error:
            _log.warning("The hook gets no file for a message to clients: %s", error)
        else:
            self.path = path
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove it."""
        if self._directory is not None:
            remove_directory(self._directory)

    def appended_to(self, motd: str | None) -> str | None:
        """Return a message with what the hook wrote below it."""
        if self.path is None:
            return motd
        try:
            with self.path.open("rb") as file:
                written = file.read(LIMIT).decode(errors="replace").strip()
        except OSError:
            # The hook removed it, or put something else in its place.
            written = ""
        return "\n".join(part for part in (motd, written) if part) or None
