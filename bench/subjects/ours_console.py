"""Our consoles: in a process of their own, or together with the exporter."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from serve import serve
from talker import Talker

from JumpstarterLibrary import JumpstarterLibrary
from JumpstarterLibrary.client import Device, DirectConnection
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.exporter import serve as serve_driver
from JumpstarterLibrary.exporter.drivers.composite import Composite

LIMIT_S = 280

FAILING = (
    r"^\[ *[\d.]+\] .*{}: error (-?\d+)",
    r"{} \d+-[\d.]+: device not (?:accepting|responding)",
    r"(?i)fatal: {}",
    r"(?:unhandled|spurious) fault at \S+ \({}\)",
    r"\b{}_(?:timeout|reset)\b.* after \d+ ms$",
)
"""Regular expressions as suites have them, each for a word that is in no line, or in many."""
WORDS = ("usb", "sensor", "mmcblk0", "fan", "eth0", "pcie", "drm", "watchdog")


def failing_patterns(count: int) -> list[str]:
    """Return so many failing patterns, all regular expressions, and all different."""
    return [f"regexp:{expression}".format(word) for word in WORDS for expression in FAILING][:count]


class OursConsole:
    """Our consoles, as a test would use them.

    Args:
        host: Where the exporter is; ``here`` for one in this process.
    """

    def __init__(self, host: str) -> None:
        self._stack = ExitStack()
        if host == "here":
            tree = Composite(children={"console": Talker()})
            host = self._stack.enter_context(serve_driver(tree, grace=0)).host
        self._host = host

    def connect(self) -> None:
        device = Device.connect(DirectConnection.from_arguments(self._host, environ={}))
        self._folder = Path(tempfile.mkdtemp(prefix="jmp-"))
        device.transcripts = self._folder
        self._console = device.console()

    def fail_on(self, count: str) -> list[str]:
        """Register so many failing patterns in place of all others, and return them."""
        self._console.accept()
        patterns = failing_patterns(int(count))
        for pattern in patterns:
            self._console.fail_on(pattern, [FailingPattern.of(pattern)])
        return patterns

    def search(self, size: str, pattern: str) -> float:
        """Return the seconds until a pattern at the end of a flood is found."""
        begin = time.perf_counter()
        self._console.write(f"flood {size}".encode())
        self._console.wait_for(pattern, LIMIT_S)
        took = time.perf_counter() - begin
        self._console.cursor = self._console.end
        return took

    def transcript(self) -> str:
        """Return the SHA-256 of the transcript, and delete it."""
        path = self._folder / "console.log"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for file_path in self._folder.iterdir():
            file_path.unlink()
        self._folder.rmdir()
        return digest

    def latencies(self, count: str) -> list[float]:
        """Return the seconds from a byte at the exporter to a keyword that has passed, for several lines."""
        library = JumpstarterLibrary(host=self._host)
        found = []
        for _ in range(int(count)):
            library.run_keyword("write_to_console", ("ping 1",), {"newline": False})
            library.run_keyword("console_should_contain", ("pong ",), {})
            passed = time.monotonic()
            found.append(passed - float(library.run_keyword("get_console_text", (), {})))
        library.run_keyword("disconnect", ())
        return found


if __name__ == "__main__":
    serve(OursConsole)
    os._exit(0)  # the exporter in this process would wait for its clients
