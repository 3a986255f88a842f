"""Power drivers without hardware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from JumpstarterLibrary.exporter.driver import Driver, export


@dataclass(frozen=True)
class PowerReading:
    """What a supply delivers.

    Attributes:
        voltage: In volt.
        current: In ampere.
    """

    voltage: float
    current: float


READINGS = (PowerReading(0.0, 0.0), PowerReading(5.0, 2.0))
"""What the mocks measure: off, then on."""


class _PowerLabel:
    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"


@dataclass(kw_only=True)
class MockPower(_PowerLabel, Driver):
    """A power supply that switches nothing."""

    @export
    async def on(self) -> None:
        """Switch on."""
        self.logger.info("power on")

    @export
    async def off(self) -> None:
        """Switch off."""
        self.logger.info("power off")

    @export
    async def read(self) -> AsyncIterator[PowerReading]:
        """Measure twice."""
        for reading in READINGS:
            yield reading


@dataclass(kw_only=True)
class SyncMockPower(_PowerLabel, Driver):
    """The same with plain functions, which run in threads."""

    @export
    def on(self) -> None:
        """Switch on."""
        self.logger.info("power on")

    @export
    def off(self) -> None:
        """Switch off."""
        self.logger.info("power off")

    @export
    def read(self) -> Iterator[PowerReading]:
        """Measure twice."""
        yield from READINGS
