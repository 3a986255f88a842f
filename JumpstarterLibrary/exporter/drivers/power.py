"""Power drivers without hardware."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver, export
from JumpstarterLibrary.types import PowerReading

__all__ = ["READINGS", "MockPower", "PowerInterface", "PowerReading", "SyncMockPower", "VirtualPowerInterface"]

READINGS = (PowerReading(0.0, 0.0), PowerReading(5.0, 2.0))
"""What the mocks measure: off, then on."""


class PowerInterface(metaclass=ABCMeta):
    """The methods of a power driver, and its label; for drivers to inherit beside ``Driver``."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_power.client.PowerClient"

    @abstractmethod
    def on(self) -> Any:
        """Switch on."""

    @abstractmethod
    def off(self) -> Any:
        """Switch off."""

    @abstractmethod
    def read(self) -> Any:
        """Yield readings, as a generator or an async generator."""


class VirtualPowerInterface(metaclass=ABCMeta):
    """The same for virtual machines, which can be given up when they are switched off."""

    @classmethod
    def client(cls) -> str:
        """Return the label."""
        return "jumpstarter_driver_power.client.VirtualPowerClient"

    @abstractmethod
    def on(self) -> Any:
        """Switch on."""

    @abstractmethod
    def off(self, destroy: bool = False) -> Any:
        """Switch off; with ``destroy``, the machine is gone."""

    @abstractmethod
    def read(self) -> Any:
        """Yield readings, as a generator or an async generator."""


@dataclass(kw_only=True)
class MockPower(PowerInterface, Driver):
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
class SyncMockPower(PowerInterface, Driver):
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
