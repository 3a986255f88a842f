"""Exporters that say hostile things, for tests of what reaches terminals, logs and reports."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from robot.api.deco import library

from JumpstarterLibrary.printable import printable
from utest.hostile_exporter import CONSOLE, hostile_exporter


@library(scope="SUITE", auto_keywords=True)
class HostileExporter:
    """Serves hostile exporters until they are stopped, and looks at what came of their text."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def start_hostile_exporter(self) -> str:
        """Start one and return its host."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="jumpstarter-atest-"))
        return self._stack.enter_context(hostile_exporter(str(Path(folder) / "hostile.sock")))

    def stop_hostile_exporters(self) -> None:
        """Stop all."""
        self._stack.close()

    def text_should_be_printable(self, text: str) -> None:
        """Fail if a text has characters that act on a terminal or hide."""
        for line in text.splitlines():
            assert printable(line) == line, repr(line)

    def file_should_be_printable(self, path: Path) -> None:
        """Fail if a file has such characters."""
        self.text_should_be_printable(path.read_bytes().decode())

    def file_should_be_raw(self, path: Path) -> None:
        """Fail unless a file has the bytes of the console as they came."""
        assert path.read_bytes() == CONSOLE, path.read_bytes()
