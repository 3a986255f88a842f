"""Upstream's client with leases; runs in upstream's environment."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

from jumpstarter.config.user import UserConfigV1Alpha1
from serve import serve


class UpstreamLeased:
    """Upstream's client, as a test would use it.

    Args:
        selector: Which boards to lease.
    """

    def __init__(self, selector: str) -> None:
        self._selector = selector
        self._config = UserConfigV1Alpha1.load().config.current_client
        self._stack = ExitStack()

    def lease(self) -> dict[str, object]:
        """Lease a board, and return when it was usable, in seconds of the system's monotonic clock."""
        lease = self._stack.enter_context(self._config.lease(selector=self._selector))
        client = self._stack.enter_context(lease.connect())
        usable = time.monotonic()
        self._power, self._mux = client.power, getattr(client, "mux", None)
        return {"lease": lease.name, "usable": usable}

    def call(self) -> None:
        self._power.on()

    def upload(self, path: str) -> None:
        self._mux.write_local_file(path)

    def download(self, path: str) -> None:
        self._mux.read_local_file(path)

    def release(self) -> None:
        self._stack.close()


if __name__ == "__main__":
    serve(UpstreamLeased)
    os._exit(0)  # its background thread would keep the process for a while
