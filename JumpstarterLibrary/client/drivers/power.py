"""Power: on, off, cycle, rescue and readings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration, seconds
from JumpstarterLibrary.client.drivers.base import DriverProxy
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.errors import InfrastructureError, OperationTimeout, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import PowerReading

OFF_TIME_S = 2.0
"""Seconds without power in a power cycle where the timing has no ``power_off_time``; upstream's client has the same."""


def off_time(driver: DriverProxy) -> float:
    """Return the seconds without power in a power cycle by a driver, unless a caller says otherwise."""
    own = driver._device.timing_of(driver).power_off_time
    return OFF_TIME_S if own is None else own


class PowerProxy(DriverProxy):
    """A power driver. Every action is announced to the device, whose consoles start a new chapter there."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_power.client.PowerClient",
        "jumpstarter_driver_noyito_relay.client.NoyitoPowerClient",
        "jumpstarter_driver_snmp.client.SNMPServerClient",
        "jumpstarter_driver_gpiod.client.DigitalOutputClient",
    )

    def _begins(self, method: str) -> None:
        self._device.powers.begin(self.uuid, method)

    def _ended(self, method: str) -> None:
        self._device.powers.end(self.uuid, method)

    def on(self, timeout: Seconds = None) -> None:
        """Switch power on. Switching on what is on is fine."""
        self.call("on", timeout=timeout)

    def off(self, timeout: Seconds = None) -> None:
        """Switch power off. Switching off what is off is fine."""
        self.call("off", timeout=timeout)

    def cycle(self, wait: Seconds = None) -> None:
        """Switch power off, wait, and switch it on.

        Args:
            wait: Seconds (or timedelta) without power. Default: the timing's ``power_off_time``, otherwise 2 seconds.
        """
        length = off_time(self) if wait is None else seconds(wait) or 0.0
        if length < 0:
            raise UsageError(f"A power cycle cannot take {length:g} seconds. Nothing was switched.")
        self.off()
        # Not a wait for something to happen: how long a board stays without power is the caller's to say.
        pause(length)
        self.on()

    def rescue(self, timeout: Seconds = None) -> None:
        """Start the board in its rescue mode, where the driver has one.

        Raises:
            DriverMethodNotImplemented: The driver has none.
        """
        self.call("rescue", timeout=timeout)

    def read(self) -> Iterator[PowerReading]:
        """Yield readings as the driver makes them; some drivers never stop.

        Raises:
            DriverMethodNotImplemented: The driver does not measure.
        """
        with self._readings(Deadline(None)) as results:
            for result in results:
                yield self._reading(result)

    def readings(self, count: int, timeout: Seconds = None) -> list[PowerReading]:
        """Return up to ``count`` readings.

        There are fewer if the driver stops by itself before, or if the time runs out: some drivers only report changes.

        Args:
            count: How many at most.
            timeout: Seconds or timedelta for all of them. Default: no limit.

        Raises:
            DriverMethodNotImplemented: The driver does not measure.
            OperationTimeout: The time ran out before there was any.
        """
        if count < 1:
            raise UsageError(f"{count} is no number of power readings to take.")
        deadline = Deadline.of(timeout)
        found: list[PowerReading] = []
        try:
            with self._readings(deadline) as results:
                for result in itertools.islice(results, count):
                    found.append(self._reading(result))
        except OperationTimeout as error:
            if not found:
                raise OperationTimeout(
                    f"Driver '{self.path}' gave no power reading within {format_duration(deadline.timeout or 0)}.",
                    hint=Hint.GIVE_TIME,
                ) from error
        return found

    def _readings(self, deadline: Deadline) -> Any:
        return self.streamingcall("read", timeout=deadline)

    def _reading(self, result: Any) -> PowerReading:
        try:
            return PowerReading(float(result["voltage"]), float(result["current"]))
        except (TypeError, KeyError, ValueError) as error:
            raise InfrastructureError(
                f"Driver '{self.path}' gave a power reading without voltage and current: {result!r}."
            ) from error


class VirtualPowerProxy(PowerProxy):
    """Power of a virtual device, which ``off`` can destroy."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_power.client.VirtualPowerClient",
        "jumpstarter_driver_cuttlefish.client.CvdPowerClient",
    )

    def off(self, timeout: Seconds = None, *, destroy: bool = False) -> None:
        """Switch power off.

        Args:
            timeout: Seconds or timedelta. Default: no limit.
            destroy: Delete the virtual device as well. Default: keep it.
        """
        self.call("off", destroy, timeout=timeout)


class ExporterCyclePowerProxy(PowerProxy):
    """Power whose cycle runs on the exporter."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_ridesx.client.RideSXPowerClient",)

    def cycle(self, wait: Seconds = None) -> None:
        """Let the exporter switch power off, wait, and switch it on."""
        self.call("cycle", off_time(self) if wait is None else seconds(wait))
