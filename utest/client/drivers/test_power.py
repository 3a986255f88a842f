"""Power: actions in order, readings, and what some drivers do differently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import DriverMethodNotImplemented, InfrastructureError, OperationTimeout, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.serial import PySerial
from JumpstarterLibrary.types import PowerReading

LIMIT_S = 10.0


POWER = "jumpstarter_driver_power.client.PowerClient"


class Supply(Driver):
    """Writes down what is done to it; subclasses have labels."""

    def __init__(self, *readings: Any, endless: bool = False) -> None:
        super().__init__()
        self.log: list[tuple[Any, ...]] = []
        self._readings, self._endless = readings, endless

    @export
    async def on(self) -> None:
        self.log.append(("on", time.monotonic()))

    @export
    async def off(self, *destroy: bool) -> None:
        self.log.append(("off", time.monotonic(), *destroy))

    @export
    async def cycle(self, wait: float) -> None:
        self.log.append(("cycle", wait))

    @export
    async def read(self) -> AsyncIterator[Any]:
        for reading in self._readings:
            yield reading
        if self._endless:
            await asyncio.Event().wait()


def supply(*readings: Any, label: str = POWER, endless: bool = False) -> Supply:
    """Return a supply that clients find by a label."""
    kind = type("Labelled", (Supply,), {"client": classmethod(lambda cls: label)})
    found: Supply = kind(*readings, endless=endless)
    return found


def actions(driver: Supply) -> list[str]:
    return [entry[0] for entry in driver.log]


def test_on_and_off(device_with: Callable[..., Device]) -> None:
    found = supply()
    power = device_with({"power": found}).client.power
    power.on()
    power.off(timeout=LIMIT_S)
    assert actions(found) == ["on", "off"]


@pytest.mark.parametrize("wait", [0.1, timedelta(milliseconds=100)])
def test_a_cycle_is_off_a_while_and_on(device_with: Callable[..., Device], wait: Any) -> None:
    found = supply()
    device_with({"power": found}).client.power.cycle(wait)
    assert actions(found) == ["off", "on"]
    assert found.log[1][1] - found.log[0][1] >= 0.1


def test_a_cycle_on_the_exporter(device_with: Callable[..., Device]) -> None:
    found = supply(label="jumpstarter_driver_ridesx.client.RideSXPowerClient")
    device_with({"power": found}).client.power.cycle(timedelta(seconds=3))
    assert found.log == [("cycle", 3)]


@pytest.mark.parametrize("destroy", [False, True])
def test_a_virtual_device_may_be_destroyed(device_with: Callable[..., Device], destroy: bool) -> None:
    found = supply(label="jumpstarter_driver_power.client.VirtualPowerClient")
    device_with({"power": found}).client.power.off(destroy=destroy)
    assert [(entry[0], entry[2]) for entry in found.log] == [("off", destroy)]


@pytest.mark.parametrize(("destroy", "found"), [(30, "30"), (0, "0"), ("no", "'no'"), (None, "nothing")])
def test_destroy_is_true_or_false(device_with: Callable[..., Device], destroy: Any, found: str) -> None:
    driver = supply(label="jumpstarter_driver_power.client.VirtualPowerClient")
    with pytest.raises(UsageError) as caught:
        device_with({"power": driver}).client.power.off(destroy)
    assert str(caught.value) == f"destroy= must be True or False, not {found}. Nothing was switched."
    assert driver.log == []


def test_rescue_is_not_everybodys(device_with: Callable[..., Device]) -> None:
    with pytest.raises(DriverMethodNotImplemented, match=r"^Driver 'power' has no unary method 'rescue': "):
        device_with({"power": supply()}).client.power.rescue()


def test_readings_as_they_come(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply({"voltage": 5, "current": 0.5}, {"voltage": "12", "current": 1})}).client.power
    assert list(power.read()) == [PowerReading(5.0, 0.5), PowerReading(12.0, 1.0)]


def test_some_readings(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply(*({"voltage": n, "current": 1} for n in range(5)), endless=True)}).client.power
    assert [reading.voltage for reading in power.readings(3)] == [0, 1, 2]
    with pytest.raises(UsageError, match=r"^0 is no number of power readings to take\.$"):
        power.readings(0)


def test_a_cycle_that_cannot_be_switches_nothing(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply()}).client.power
    with pytest.raises(UsageError, match=r"^A power cycle cannot take -1 seconds\. Nothing was switched\.$"):
        power.cycle(-1)


def test_a_driver_that_stops_by_itself(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply({"voltage": 5, "current": 1})}).client.power
    assert power.readings(3) == [PowerReading(5.0, 1.0)]


def test_readings_until_the_time_is_over(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply({"voltage": 5, "current": 1}, endless=True)}).client.power
    assert power.readings(3, timeout=0.3) == [PowerReading(5.0, 1.0)]


def test_no_reading_in_time(device_with: Callable[..., Device]) -> None:
    power = device_with({"power": supply(endless=True)}).client.power
    with pytest.raises(OperationTimeout) as caught:
        power.readings(3, timeout=0.1)
    assert str(caught.value) == (
        "Driver 'power' gave no power reading within 100 milliseconds. Give it more time with timeout=."
    )


@pytest.mark.parametrize("reading", [{"voltage": 5}, {"voltage": "much"}, [5, 1], None])
def test_readings_that_are_none(device_with: Callable[..., Device], reading: Any) -> None:
    power = device_with({"power": supply(reading)}).client.power
    with pytest.raises(InfrastructureError) as caught:
        list(power.read())
    assert str(caught.value) == f"Driver 'power' gave a power reading without voltage and current: {reading!r}."


@pytest.mark.parametrize("action", ["on", "off"])
def test_actions_begin_a_chapter_on_the_consoles(device_with: Callable[..., Device], action: str) -> None:
    device = device_with({"power": supply(), "console": PySerial(url="loop://")})
    console = device.console()
    console.write(b"before")
    console.wait_for("bef", LIMIT_S)
    console.wait_for("ore", LIMIT_S, since=0)
    console.cursor = 0
    getattr(device.client.power, action)()
    assert console.cursor == console.marks["power_on"] == 6
