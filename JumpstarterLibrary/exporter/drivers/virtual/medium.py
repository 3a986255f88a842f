"""The board's storage medium: a card that is on the host's side, on the board's side, or on neither."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from enum import Enum
from pathlib import Path


class Side(Enum):
    """The side that sees the medium."""

    HOST = "host"
    BOARD = "dut"
    OFF = "off"


class MediumAbsent(OSError):
    """The block device is not there: the medium is on another side."""


class Medium:
    """A card in a multiplexer.

    Args:
        logger: Where switching is reported.
        path: The file that holds the medium's content; a private temporary file, removed by `close`, unless given.
        factory: The content before the first write.

    Attributes:
        side: Who sees the medium.
        changed: Called after the side has changed.
        files: What the running system has synced to the medium's data partition, by path.
    """

    def __init__(self, logger: logging.Logger, path: Path | None = None, factory: bytes = b"") -> None:
        self.side = Side.BOARD
        self.changed: Callable[[], None] = lambda: None
        self.files: dict[str, str] = {}
        self._logger = logger
        self._path = path
        self._private = path is None
        self._factory = factory

    def switch(self, side: Side) -> None:
        """Move the medium to another side."""
        if side is self.side:
            return
        self._logger.info("The medium goes from side '%s' to side '%s'.", self.side.value, side.value)
        self.side = side
        self.changed()

    def require(self, side: Side, what: str) -> None:
        """Refuse to work on a medium that is not there.

        Raises:
            MediumAbsent: It is on another side.
        """
        if self.side is not side:
            raise MediumAbsent(
                f"Cannot {what} the medium: it is on side '{self.side.value}', so there is no block device here. "
                f"Switch it to side '{side.value}' first."
            )

    def file(self) -> Path:
        """Return the file that holds the content; it is made, with the factory's content, if it is not there.

        Raises:
            OSError: It cannot be made.
        """
        if self._path is None:
            descriptor, name = tempfile.mkstemp(prefix="virtual-board-", suffix=".img")
            os.close(descriptor)
            self._path = Path(name)
            self._path.write_bytes(self._factory)
        elif not self._path.exists():
            self._path.touch(mode=0o600)
            self._path.write_bytes(self._factory)
        return self._path

    def close(self) -> None:
        """Remove the private file. The medium can be used again, and then has its factory content."""
        if self._private and self._path is not None:
            path, self._path = self._path, None
            path.unlink(missing_ok=True)
