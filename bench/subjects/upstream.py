"""Upstream's client; runs in upstream's environment."""

from __future__ import annotations

import os
from contextlib import ExitStack

from jumpstarter.common.utils import env
from serve import serve


class Upstream:
    """Upstream's client, as a test would use it."""

    def __init__(self, host: str) -> None:
        os.environ["JUMPSTARTER_HOST"] = host
        self._stack = ExitStack()

    def connect(self) -> None:
        client = self._stack.enter_context(env())
        self._power, self._mux = client.power, client.mux
        self._power.on()

    def call(self) -> None:
        self._power.on()

    def upload(self, path: str) -> None:
        self._mux.write_local_file(path)

    def download(self, path: str) -> None:
        self._mux.read_local_file(path)


if __name__ == "__main__":
    serve(Upstream)
    os._exit(0)  # its background thread would keep the process for a while
