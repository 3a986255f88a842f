"""Connected devices that several owners share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.devices.pool import DevicePool, PooledDevice
from JumpstarterLibrary.client.leasing.controller import LeaseRequest
from JumpstarterLibrary.errors import LinkError
from JumpstarterLibrary.exporter.drivers.power import MockPower

Pool = DevicePool[str, PooledDevice]


@pytest.fixture
def device(device_with: Callable[..., Device]) -> Device:
    return device_with({"power": MockPower()})


def pooled(device: Device, closed: list[str], name: str = "one", *owners: str) -> PooledDevice:
    stack = ExitStack()
    stack.callback(closed.append, name)
    return PooledDevice(device, stack, owners=list(owners))


def test_the_last_owner_closes_it(device: Device) -> None:
    pool, closed = Pool(), list[str]()
    item = pooled(device, closed, "one", "a", "b", "a")
    pool.add("k", item)
    pool.release("k", item, "a")
    pool.release("k", item, "b")
    assert (closed, pool.items.get("k")) == ([], item)
    pool.release("k", item, "a")
    assert (closed, pool.items.get("k"), bool(pool)) == (["one"], None, False)


def test_it_is_kept_where_it_is_wanted(device: Device) -> None:
    pool, closed = Pool(), list[str]()
    item = pooled(device, closed, "one", "a")
    pool.add("k", item)
    pool.release("k", item, "a", keep=True)
    pool.discard_unowned(lambda key: key == "k")
    assert closed == []
    pool.discard_unowned()
    assert closed == ["one"]


def test_a_device_that_was_replaced_is_not_closed_in_place_of_the_new_one(device: Device) -> None:
    pool, closed = Pool(), list[str]()
    old, new = pooled(device, closed, "old", "a"), pooled(device, closed, "new", "b")
    pool.add("k", old)
    pool.discard("k")
    pool.add("k", new)
    pool.release("k", old, "a")
    assert (closed, pool.items.get("k")) == (["old"], new)


def test_trouble_with_one_keeps_no_other_open(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    pool, closed = Pool(), list[str]()

    def fail() -> None:
        raise LinkError("It was gone already.")

    first = pooled(device, closed, "first")
    first.stack.callback(fail)
    pool.add("a", first)
    pool.add("b", pooled(device, closed, "second"))
    with caplog.at_level(logging.WARNING):
        pool.discard_all()
    assert (closed, len(pool.items)) == (["first", "second"], 0)
    assert caplog.messages == [f"Exporter '{device.link.name}' was not released cleanly: It was gone already."]


def test_trouble_with_a_device_that_is_closed_by_name_is_raised(device: Device) -> None:
    pool = Pool()
    item = pooled(device, [])
    item.stack.callback(pytest.fail, "It was gone already.")
    pool.add("k", item)
    with pytest.raises(pytest.fail.Exception, match=r"^It was gone already\.$"):
        pool.close("k")
    assert not pool


def test_a_device_is_shared_by_a_further_owner(device: Device) -> None:
    pool, closed = Pool(), list[str]()
    item = pooled(device, closed, "one", "a")
    pool.add("k", item)
    assert pool.share("k", "b", None) is item
    assert pool.share("other", "b", None) is None
    assert item.owners == ["a", "b"]


class Ended(PooledDevice):
    """A device whose lease is over, as far as the pool sees."""

    checks: list[bool]

    @property
    def lease_ended(self) -> bool:
        return self.checks.pop(0)


@pytest.mark.parametrize("checks", [[True], [False, True]])
def test_a_device_whose_lease_is_over_is_not_shared(device: Device, checks: list[bool]) -> None:
    pool: DevicePool[str, Ended] = DevicePool()
    item = Ended(device, ExitStack(), owners=["a"])
    item.checks = list(checks)
    pool.add("k", item)
    assert pool.share("k", "b", LeaseRequest()) is None
    assert item.owners == ["a"]
    assert pool.items["k"] is item
