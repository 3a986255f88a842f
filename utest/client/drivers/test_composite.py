"""Groups: nothing but children."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.drivers import CompositeProxy
from JumpstarterLibrary.errors import NoSuchDriver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower


def test_a_group_has_children_and_no_methods(device_with: Callable[..., Device]) -> None:
    group = device_with({"group": Composite(children={"power": MockPower()}), "empty": Composite()}).client.group
    assert isinstance(group, CompositeProxy)
    group.power.on()
    with pytest.raises(NoSuchDriver) as caught:
        group.on()
    assert str(caught.value) == "No driver 'on' under 'group'. It has: power."


def test_an_empty_group(device_with: Callable[..., Device]) -> None:
    empty = device_with({"empty": Composite()}).client.empty
    with pytest.raises(NoSuchDriver) as caught:
        _ = empty.power
    assert str(caught.value) == "No driver 'power' under 'empty'. It has: no drivers."
    assert empty.children == {}
