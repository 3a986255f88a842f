"""The proxy for every driver that has none of its own."""

from __future__ import annotations

from JumpstarterLibrary.client.consoles.restarts import RestartOrders
from JumpstarterLibrary.client.drivers.base import DriverProxy

RESET = "press_reset"
"""The method of a board's reset button, which is the root of the board: its power driver is below."""


class GenericProxy(DriverProxy):
    """A driver of a kind that we do not know: ``call``, ``streamingcall`` and ``stream`` reach all that it has."""

    def _begins(self, method: str) -> None:
        RestartOrders.note_on_all()
        if method == RESET:
            self._device.powers.restart(self._node)
        elif self._device.powers.has(self.uuid):
            self._device.powers.begin(self.uuid, method)

    def _ended(self, method: str) -> None:
        if self._device.powers.has(self.uuid):
            self._device.powers.end(self.uuid, method)
