"""Clients of power drivers."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pytest_jumpstarter.upstream_api.clients.power import PowerReading

from JumpstarterLibrary import types
from JumpstarterLibrary.errors import DriverMethodNotImplemented, InfrastructureError, UsageError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.power import MockPower

Served = Callable[[Driver], Any]


class Recording(MockPower):
    """Power that remembers what was asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked: list[Any] = []

    @export
    async def on(self) -> None:
        self.asked.append("on")

    @export
    async def off(self, destroy: bool = False) -> None:
        self.asked.append(("off", destroy))

    @export
    async def cycle(self, wait: float) -> None:
        self.asked.append(("cycle", wait))

    @export
    async def rescue(self) -> None:
        self.asked.append("rescue")


class Labelled(Recording):
    label = ""

    @classmethod
    def client(cls) -> str:
        return cls.label


def power(label: str) -> Recording:
    return type("LabelledPower", (Labelled,), {"label": label})()


def test_on_off_cycle_and_rescue(served: Served) -> None:
    driver = Recording()
    client = served(driver)
    client.on()
    client.off()
    client.cycle(0)
    client.cycle(wait=0.01)
    client.rescue()
    assert driver.asked == ["on", ("off", False), ("off", False), "on", ("off", False), "on", "rescue"]


def test_a_cycle_uses_the_methods_of_a_users_class(served: Served) -> None:
    client = served(driver := Recording())
    done: list[str] = []

    class Relay(type(client)):  # type: ignore[misc]
        def on(self) -> None:
            done.append("relay on")

        def call(self, method: str, *args: object) -> Any:
            done.append(method)
            return super().call(method, *args)

    client.__class__ = Relay
    client.cycle(0)
    assert (done, driver.asked) == (["off", "relay on"], [("off", False)])


def test_a_cycle_that_takes_less_than_no_time(served: Served) -> None:
    client = served(driver := Recording())
    with pytest.raises(UsageError, match=r"^A power cycle cannot take -1 seconds\. Nothing was switched\.$"):
        client.cycle(-1)
    assert driver.asked == []


def test_a_call_takes_few_frames_in_both_faces(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served(MockPower())
    device = client.stub.device
    call, depths = device.link.stub.driver_call, []

    def spy(*args: Any, **options: Any) -> Any:
        depths.append(len(inspect.stack(0)) - here)
        return call(*args, **options)

    monkeypatch.setattr(device.link.stub, "driver_call", spy)
    here = len(inspect.stack(0)) + 1
    device.client.on()
    client.on()
    assert depths == [3, 4]


def test_readings(served: Served) -> None:
    readings = list(served(MockPower()).read())
    assert readings == [PowerReading(0.0, 0.0), PowerReading(5.0, 2.0)]
    assert [reading.apparent_power for reading in readings] == [0.0, 10.0]
    assert isinstance(readings[1], types.PowerReading)
    assert all(isinstance(reading.voltage, float) for reading in readings)


def test_a_reading_is_only_taken_when_it_is_asked_for(served: Served) -> None:
    asked = []

    class Counting(MockPower):
        @export
        async def read(self) -> AsyncIterator[PowerReading]:
            asked.append(1)
            yield PowerReading(1.0, 1.0)

    readings = served(Counting()).read()
    assert asked == []
    assert next(readings).voltage == 1.0
    readings.close()


def test_what_is_no_reading(served: Served) -> None:
    class Confused(MockPower):
        @export
        async def read(self) -> AsyncIterator[str]:
            yield "plenty"

    with pytest.raises(
        InfrastructureError, match=r"^The root driver gave a power reading without voltage and current: 'plenty'\.$"
    ):
        list(served(Confused()).read())


def test_a_driver_without_rescue(served: Served) -> None:
    with pytest.raises(DriverMethodNotImplemented, match="has no unary method 'rescue'"):
        served(MockPower()).rescue()


def test_virtual_power_can_be_destroyed(served: Served) -> None:
    driver = power("jumpstarter_driver_power.client.VirtualPowerClient")
    client = served(driver)
    client.off()
    client.off(True)
    client.cycle(0)
    assert driver.asked == [("off", False), ("off", True), ("off", False), "on"]


def test_a_cycle_on_the_exporter(served: Served) -> None:
    driver = power("jumpstarter_driver_ridesx.client.RideSXPowerClient")
    served(driver).cycle(0.5)
    assert driver.asked == [("cycle", 0.5)]


def test_readings_as_data() -> None:
    reading = PowerReading.model_validate({"voltage": 5, "current": 2, "future": "x"})
    assert reading.model_dump() == {"voltage": 5.0, "current": 2.0}
    assert reading.model_dump_json() == '{"voltage":5.0,"current":2.0}'
    assert PowerReading.model_validate(types.PowerReading(1.0, 2.0)) == PowerReading(1.0, 2.0)


def test_the_log_of_the_exporter(
    served: Served, caplog: pytest.LogCaptureFixture, eventually: Callable[[Callable[[], object]], None]
) -> None:
    client = served(MockPower())
    with caplog.at_level(logging.INFO), client.log_stream():
        client.on()
        eventually(lambda: ("exporter:driver", logging.INFO, "power on") in caplog.record_tuples)
        with client.log_stream():
            client.off()
            eventually(lambda: ("exporter:driver", logging.INFO, "power off") in caplog.record_tuples)
        client.off()
        eventually(lambda: caplog.record_tuples.count(("exporter:driver", logging.INFO, "power off")) >= 3)
    assert not client.stub.device.follows_logs
