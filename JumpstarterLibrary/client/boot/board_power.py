"""Switch the power of a board, and know its power state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import Deadline, Seconds, seconds
from JumpstarterLibrary.client.drivers import PowerProxy
from JumpstarterLibrary.client.drivers.power import OFF_TIME_S
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.client.power_tracker import PowerState

if TYPE_CHECKING:
    from JumpstarterLibrary.client.timing import Timing
    from JumpstarterLibrary.client.tree import Node

SIMULATORS = frozenset(
    f"jumpstarter_driver_{name}.client.{client}"
    for name, client in (
        ("androidemulator", "AndroidEmulatorClient"),
        ("corellium", "CorelliumClient"),
        ("cuttlefish", "CuttlefishClient"),
        ("qemu", "QemuClient"),
        ("renode", "RenodeClient"),
    )
)
"""Labels of drivers whose boards are programs: there is nothing in them that keeps a charge."""


class BoardPower:
    """The power driver of a board.

    Args:
        proxy: The driver.
        timing: The board's time limits and pauses.
    """

    def __init__(self, proxy: PowerProxy, timing: Timing) -> None:
        self.proxy = proxy
        self._timing = timing
        # From now on it counts as a power driver, with any label.
        proxy._device.powers.of(proxy.uuid)

    @property
    def state(self) -> PowerState:
        """What is known of it. An exporter that was started anew has another driver, of which nothing is known."""
        return self.proxy._device.powers.of(self.proxy.uuid)

    @property
    def on(self) -> bool | None:
        """Whether power is on; None if that is not known."""
        return self.state.on

    def switch_on(self, deadline: Deadline) -> None:
        """Switch power on."""
        self.proxy.on(timeout=deadline)

    def switch_off(self, deadline: Deadline) -> None:
        """Switch power off."""
        self.proxy.off(timeout=deadline)

    @property
    def off_time(self) -> float:
        """Seconds that the board needs without power in a power cycle; a simulated one needs none by itself."""
        if self._timing.power_off_time is not None:
            return self._timing.power_off_time
        node: Node | None = self.proxy._node
        while node is not None and node.label not in SIMULATORS:
            node = node.parent
        return OFF_TIME_S if node is None else 0.0

    def rest(self, off_time: Seconds = None) -> None:
        """Wait until the board has been without power for so long.

        Args:
            off_time: Seconds or timedelta. Default: as long as it needs.
        """
        length = seconds(off_time)
        left = self.state.since + (self.off_time if length is None else length) - clock.seconds()
        if self.on is False and left > 0:
            # Not a wait for something to happen: how long a board stays without power is the caller's to say.
            pause(left)
