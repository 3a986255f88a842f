"""Power: on, off, cycle, rescue and readings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.consoles.restarts import RestartOrders
from JumpstarterLibrary.client.deadline import Deadline, Seconds, format_duration, seconds
from JumpstarterLibrary.client.drivers.base import DriverMethods, DriverProxy, call_within
from JumpstarterLibrary.client.interrupts import pause
from JumpstarterLibrary.common.values import shown
from JumpstarterLibrary.errors import InfrastructureError, OperationTimeout, UsageError
from JumpstarterLibrary.hints import Hint, argument
from JumpstarterLibrary.types import PowerReading

OFF_TIME_S = 2.0
"""Seconds without power in a power cycle where the timing has no ``power_off_time``; upstream's client has the same."""


class PowerMethods(DriverMethods):
    """The methods of power drivers, for both faces."""

    def on(self, *, timeout: Seconds = None) -> None:
        """Switch power on. Switching on what is on is fine."""
        self._driver_call("on", timeout=timeout)

    def off(self, *, timeout: Seconds = None) -> None:
        """Switch power off. Switching off what is off is fine."""
        self._driver_call("off", timeout=timeout)

    def cycle(self, wait: Seconds = None, *, timeout: Seconds = None) -> None:
        """Switch power off, wait, and switch it on.

        Args:
            wait: Seconds (or timedelta) without power. Default: the timing's ``power_off_time``, otherwise 2 seconds.
            timeout: Seconds or timedelta for both actions together, beside the time without power.
        """
        length = self._off_time(wait)
        limit = seconds(timeout)
        begin = clock.seconds()
        call_within(limit, self.off)
        left = None if limit is None else max(0.0, begin + limit - clock.seconds())
        # Not a wait for something to happen: how long a board stays without power is the caller's to say.
        pause(length)
        call_within(left, self.on)

    def rescue(self, *, timeout: Seconds = None) -> None:
        """Start the board in its rescue mode, where the driver has one.

        Raises:
            DriverMethodNotImplemented: The driver has none.
        """
        self._driver_call("rescue", timeout=timeout)

    def read(self) -> Iterator[PowerReading]:
        """Yield readings as the driver makes them; some drivers never stop.

        Raises:
            DriverMethodNotImplemented: The driver does not measure.
        """
        with closing(self._driver_results("read")) as results:
            for result in results:
                yield self._reading(result)

    def _off_time(self, wait: Seconds) -> float:
        """Return the seconds without power in a power cycle."""
        proxy = self._driver_proxy
        wanted = proxy._device.timing_of(proxy).power_off_time if wait is None else wait
        length = OFF_TIME_S if wanted is None else seconds(wanted) or 0.0
        if length < 0:
            raise UsageError(f"A power cycle cannot take {length:g} seconds. Nothing was switched.")
        return length

    def _reading(self, result: Any) -> PowerReading:
        try:
            return PowerReading(float(result["voltage"]), float(result["current"]))
        except (TypeError, KeyError, ValueError) as error:
            raise InfrastructureError(
                f"{self._driver_proxy._subject} gave a power reading without voltage and current: {result!r}."
            ) from error


class VirtualPowerMethods(PowerMethods):
    """The power of a virtual device, which ``off`` can destroy."""

    def off(self, destroy: bool = False, *, timeout: Seconds = None) -> None:
        """Switch power off.

        Args:
            destroy: Delete the virtual device as well. Default: keep it.
            timeout: Seconds or timedelta. Default: no limit.

        Raises:
            UsageError: ``destroy`` is neither True nor False; nothing was switched.
        """
        if not isinstance(destroy, bool):
            raise UsageError(
                f"{argument('destroy')} must be True or False, not {shown(destroy)}. Nothing was switched."
            )
        self._driver_call("off", destroy, timeout=timeout)


class ExporterCyclePowerMethods(PowerMethods):
    """Power whose cycle runs on the exporter."""

    def cycle(self, wait: Seconds = None, *, timeout: Seconds = None) -> None:
        """Let the exporter switch power off, wait, and switch it on."""
        self._driver_call("cycle", self._off_time(wait), timeout=timeout)


class PowerProxy(PowerMethods, DriverProxy):
    """A power driver. Every action is announced to the device, whose consoles start a new chapter there."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_power.client.PowerClient",
        "jumpstarter_driver_noyito_relay.client.NoyitoPowerClient",
        "jumpstarter_driver_snmp.client.SNMPServerClient",
        "jumpstarter_driver_gpiod.client.DigitalOutputClient",
    )

    def _driver_call(self, method: str, *args: object, timeout: Seconds = None) -> Any:
        """Call a power action, which takes no longer than the timing's ``power_timeout`` unless its caller says so."""
        limit = Deadline.of(timeout, self._device.timing_of(self).power_timeout, "power_timeout")
        return self.call(method, *args, timeout=limit)

    def _begins(self, method: str) -> None:
        RestartOrders.note_on_all()  # the power of a board may be that of another device
        self._device.powers.begin(self.uuid, method)

    def _ended(self, method: str) -> None:
        self._device.powers.end(self.uuid, method)

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
            with self.streamingcall("read", timeout=deadline) as results:
                for result in itertools.islice(results, count):
                    found.append(self._reading(result))
        except OperationTimeout as error:
            if not found:
                self._check_exporter("read", error)
                raise OperationTimeout(
                    f"{self._subject} gave no power reading within {format_duration(deadline.timeout or 0)}.",
                    hint=Hint.GIVE_TIME,
                ) from error
        return found


class VirtualPowerProxy(VirtualPowerMethods, PowerProxy):
    """The power driver of a virtual device."""

    LABELS: tuple[str, ...] = (
        "jumpstarter_driver_power.client.VirtualPowerClient",
        "jumpstarter_driver_cuttlefish.client.CvdPowerClient",
    )


class ExporterCyclePowerProxy(ExporterCyclePowerMethods, PowerProxy):
    """A power driver that does power cycles by itself."""

    LABELS: tuple[str, ...] = ("jumpstarter_driver_ridesx.client.RideSXPowerClient",)
