"""Clients of power drivers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from JumpstarterLibrary import types
from JumpstarterLibrary.client.drivers import DriverProxy, power
from JumpstarterLibrary.errors import InfrastructureError
from pytest_jumpstarter.upstream_api.clients.base import DriverClient
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


class PowerClient(power.PowerMethods, DriverClient):
    """Switches a device's power, and measures it."""

    PROXY: ClassVar[type[DriverProxy]] = power.PowerProxy

    def read(self) -> Iterator[PowerReading]:
        """Yield readings as the driver makes them; see `PowerMethods.read`."""
        for reading in super().read():
            yield PowerReading.model_validate(reading)

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("power").power(self)


class VirtualPowerClient(power.VirtualPowerMethods, PowerClient):
    """Power of a virtual device, which ``off`` can delete."""

    PROXY = power.VirtualPowerProxy

    def cli(self) -> Any:
        """Return the commands of this driver, as a group of click's."""
        return commands("power").virtual_power(self)


class ExporterCyclePowerClient(power.ExporterCyclePowerMethods, PowerClient):
    """Power whose cycle runs on the exporter."""

    PROXY = power.ExporterCyclePowerProxy
