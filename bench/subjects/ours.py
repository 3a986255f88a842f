"""Our client core."""

from __future__ import annotations

from serve import serve

from JumpstarterLibrary.client import Device, DirectConnection


class Ours:
    """Our client, as a test would use it."""

    def __init__(self, host: str) -> None:
        self._connection = DirectConnection.from_arguments(host)

    def connect(self) -> None:
        self._device = Device.connect(self._connection)
        self._power, self._mux = self._device.client.power, self._device.client.mux
        self._power.on()

    def call(self) -> None:
        self._power.on()

    def upload(self, path: str) -> None:
        self._mux.write_local_file(path)

    def download(self, path: str) -> None:
        self._mux.read_local_file(path)


if __name__ == "__main__":
    serve(Ours)
