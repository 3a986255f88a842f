from __future__ import annotations

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import PowerProxy
from JumpstarterLibrary.errors import AmbiguousDriver
from JumpstarterLibrary.types import PowerReading

READINGS = [PowerReading(0.0, 0.0), PowerReading(5.0, 2.0)]


def test_tree_has_every_driver_in_the_order_of_the_configuration(device: Device) -> None:
    assert [node.path for node in device.root.walk()] == [
        *("", "power", "mux", "flashmux", "flasher", "files", "echo", "tcp", "console", "wire"),
        *("group", "group.relay", "supply", "faults"),
    ]


@pytest.mark.parametrize("path", ["power", "group.relay", "supply"])
def test_power_switches_and_measures(device: Device, path: str) -> None:
    power = device.find(PowerProxy, "power", path)
    assert (power.call("on"), power.call("off")) == (None, None)
    power.cycle(wait=0)
    assert power.readings(10, timeout=10) == READINGS
    assert power.readings(1, timeout=10) == READINGS[:1]
    assert list(power.read()) == READINGS


def test_reference_is_the_driver_it_refers_to(device: Device) -> None:
    assert device.driver("supply").uuid == device.driver("group.relay").uuid


def test_several_power_drivers_are_named_and_a_reference_does_not_count(device: Device) -> None:
    with pytest.raises(AmbiguousDriver, match=r"has several power drivers: power, group\.relay\. Say which"):
        device.find(PowerProxy, "power")
