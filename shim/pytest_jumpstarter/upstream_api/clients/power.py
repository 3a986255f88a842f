"""Clients of power drivers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from JumpstarterLibrary import types
from JumpstarterLibrary.client.drivers.power import ExporterCyclePowerProxy, PowerProxy, VirtualPowerProxy, off_time
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.errors import InfrastructureError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
from pytest_jumpstarter.upstream_api.clients.driver_handle import proxy_of
from pytest_jumpstarter.upstream_api.clients.optional import commands
from pytest_jumpstarter.upstream_api.clients.records import Record


@dataclass(frozen=True)
class PowerReading(types.PowerReading, Record):
    """One reading of a power driver: ``voltage`` in volts, ``current`` in amperes, ``apparent_power`` in VA."""

    @classmethod
    def model_validate(cls, data: Any, **_: object) -> PowerReading:
        """Return the reading of what a driver reported; whole numbers become floats.

        Raises:
            InfrastructureError: It has no voltage or no current.
        """
        if isinstance(data, types.PowerReading):
            return cls(data.voltage, data.current)
        try:
            return cls(float(data["voltage"]), float(data["current"]))
        except (TypeError, KeyError, ValueError) as error:
            raise InfrastructureError(f"A power reading without voltage and current: {data!r}.") from error


class PowerClient(DriverClient):
    """Switches a device's power, and measures it."""

    PROXY = PowerProxy

    def on(self) -> None:
        """Switch power on. Switching on what is on is fine."""
        self.call("on")

    def off(self) -> None:
        """Switch power off. Switching off what is off is fine."""
        self.call("off")

    def cycle(self, wait: float | None = None) -> None:
        """Switch power off, wait, and switch it on.

        Args:
            wait: Seconds without power. Default: the timing's ``power_off_time``, otherwise 2 seconds.
        """
        wait = off_time(proxy_of(self)) if wait is None else wait
        self.logger.debug("off for %s seconds, then on again", wait)
        self.off()
        # Not a wait for something to happen: how long a board stays without power is the caller's to say.
        pause(wait)
        self.on()

    def rescue(self) -> None:
        """Start the board in its rescue mode.

        Raises:
            DriverMethodNotImplemented: The driver has none.
        """
        self.call("rescue")

    def read(self) -> Iterator[PowerReading]:
        """Yield readings as the driver makes them; some drivers never stop.

        Raises:
            DriverMethodNotImplemented: The driver does not measure.
        """
        for reading in self.streamingcall("read"):
            yield PowerReading.model_validate(reading)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("power").power(self)


class VirtualPowerClient(PowerClient):
    """Power of a virtual device, which ``off`` can delete."""

    PROXY = VirtualPowerProxy

    def off(self, destroy: bool = False) -> None:
        """Switch power off.

        Args:
            destroy: Delete the virtual device as well. Default: keep it.
        """
        self.call("off", destroy)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("power").virtual_power(self)


class ExporterCyclePowerClient(PowerClient):
    """Power whose cycle runs on the exporter."""

    PROXY = ExporterCyclePowerProxy

    def cycle(self, wait: float | None = None) -> None:
        """Let the exporter switch power off, wait, and switch it on."""
        self.call("cycle", off_time(proxy_of(self)) if wait is None else wait)
