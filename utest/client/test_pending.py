"""Calls that have begun, and may be cancelled from elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.errors import DriverError, OperationTimeout, TransferError
from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.power import MockPower

LIMIT_S = 30.0


class Slow(Driver):
    """A driver whose calls may last.

    Attributes:
        told: Set by the test, when a call of ``wait`` may end.
    """

    began = cancelled = False

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    @classmethod
    def client(cls) -> str:
        return "nowhere.SlowClient"

    @export
    async def work(self, seconds: float) -> str:
        self.began = True
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"

    @export
    def wait(self) -> str:
        assert self.told.wait(LIMIT_S)
        return "done"

    @export
    def fail(self) -> None:
        raise RuntimeError("no hardware")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def device(slow: Slow, serving: Callable[[Driver], Any], connecting: Callable[[str], Device]) -> Device:
    return connecting(serving(slow).host)


def test_the_result_is_that_of_the_call(device: Device, slow: Slow) -> None:
    pending = device.client.begin("wait")
    assert not pending.succeeded
    slow.told.set()
    assert pending.result() == "done"
    assert pending.succeeded


def test_a_failure_is_that_of_the_call(device: Device) -> None:
    with pytest.raises(DriverError, match="no hardware"):
        device.client.begin("fail").result()
    with pytest.raises(OperationTimeout, match="did not finish within"):
        device.client.begin("work", 30, timeout=0.1).result()


def test_who_cancels_says_why(device: Device, slow: Slow, eventually: Callable[[Callable[[], object]], None]) -> None:
    pending = device.client.begin("work", 30)
    eventually(lambda: slow.began)
    pending.cancel(TransferError("the source has gone"))
    with pytest.raises(TransferError, match="the source has gone"):
        pending.result()
    other = device.client.begin("work", 30)
    other.cancel()
    with pytest.raises(TransferError, match=r"'work' of the root driver was cancelled\."):
        other.result()
    other.cancel()  # once more is fine
    eventually(lambda: slow.cancelled)


def test_power_that_is_switched_so_begins_a_chapter_as_well(
    serving: Callable[[Driver], Any], connecting: Callable[[str], Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = connecting(serving(MockPower()).host)
    changes: list[int] = []
    monkeypatch.setattr(device, "power_changes", lambda: changes.append(1))
    device.client.begin("on").result()
    pending = device.client.begin("off")
    assert len(changes) == 1
    pending.result()
    assert len(changes) == 2
