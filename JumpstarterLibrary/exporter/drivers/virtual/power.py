"""The virtual board's power supply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import islice

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.machine import Machine
from JumpstarterLibrary.types import PowerReading


@dataclass(kw_only=True, eq=False)
class VirtualPower(Driver):
    """Switches a machine, and measures what it draws.

    Attributes:
        machine: The board.
        clock: The board's time.
        read_interval: Board seconds between readings.
        readings: Readings in one `read`; 0 goes on for as long as the client listens.
        seed: Two reads with the same seed show the same ripple.
    """

    machine: Machine = field(repr=False)
    clock: Clock = field(repr=False)
    read_interval: float = 0.1
    readings: int = 0
    seed: int = 0

    @classmethod
    def client(cls) -> str:
        """Return the label of a plain power driver."""
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    async def on(self) -> None:
        """Switch on; does nothing to a board that is on."""
        self.machine.power_on()

    @export
    async def off(self) -> None:
        """Cut the power."""
        self.machine.power_off()

    @export
    async def read(self) -> AsyncIterator[PowerReading]:
        """Measure voltage and current, now and after each interval."""
        start = self.clock.now()
        series = islice(self.machine.readings(self.seed), self.readings or None)
        for count, reading in enumerate(series, 1):
            yield reading
            if count != self.readings:
                await self.clock.sleep_until(start + count * self.read_interval)

    def close(self) -> None:
        """Cut the power."""
        self.machine.power_off()
        super().close()
