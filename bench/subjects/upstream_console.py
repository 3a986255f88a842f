"""pexpect over upstream's client; runs in upstream's environment."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

from jumpstarter.common.utils import env
from serve import serve

LIMIT_S = 280


class UpstreamConsole:
    """Upstream's client with pexpect, as a test would use it."""

    def __init__(self, host: str) -> None:
        os.environ["JUMPSTARTER_HOST"] = host
        self._stack = ExitStack()

    def connect(self) -> None:
        self._client = self._stack.enter_context(env())

    def search(self, size: str, pattern: str) -> float:
        """Return the seconds until a pattern at the end of a flood is found."""
        with self._client.console.pexpect() as console:
            begin = time.perf_counter()
            console.send(f"flood {size}")
            if pattern.startswith("regexp:"):
                console.expect(pattern.removeprefix("regexp:"), timeout=LIMIT_S)
            else:
                console.expect_exact(pattern, timeout=LIMIT_S)
            return time.perf_counter() - begin


if __name__ == "__main__":
    serve(UpstreamConsole)
    os._exit(0)  # its background thread would keep the process for a while
