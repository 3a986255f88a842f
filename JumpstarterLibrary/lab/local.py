"""One exporter in this process, without a controller: what ``mode=virtual`` connects to."""

from __future__ import annotations

from contextlib import ExitStack

from JumpstarterLibrary.exporter import Driver, serve
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard


class LocalExporter:
    """An exporter on a private unix socket of this process, until ``close``.

    Args:
        driver: What it exports. Default: a fresh virtual board.

    Attributes:
        host: The socket's path, as ``JUMPSTARTER_HOST`` would name it.
    """

    def __init__(self, driver: Driver | None = None) -> None:
        self._stack = ExitStack()
        self.host = self._stack.enter_context(serve(driver or VirtualBoard())).host

    def close(self) -> None:
        """Stop it. Closing twice is fine."""
        self._stack.close()
