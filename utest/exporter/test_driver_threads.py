"""One driver that hangs stops no other, and says so itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.driver_threads import DRIVER_LIMIT, TOTAL_LIMIT, DriverBusy, DriverThreads
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import SyncMockPower


@dataclass(kw_only=True, eq=False)
class Hanging(Driver):
    """A driver whose hardware does not answer."""

    answers: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @classmethod
    def client(cls) -> str:
        return "test.Hanging"

    @export
    def hang(self) -> str:
        self.waiting.release()
        self.answers.wait(60)
        return "done"

    @export
    def items(self) -> Iterator[str]:
        yield self.hang()

    @export
    def ping(self) -> str:
        return "pong"


class HangingPower(Hanging):
    """A power supply of that kind."""

    @export
    def on(self) -> str:
        return "on"

    @export
    def off(self) -> str:
        return "off"


@pytest.fixture
def release() -> Iterator[Any]:
    answers = threading.Event()
    yield answers
    answers.set()


def _hang(wire: Any, driver: Hanging, count: int, name: str = "stuck") -> list[Any]:
    uuid = wire.uuid(name)
    calls = [wire.start("hang", uuid=uuid) for _ in range(count)]
    for _ in range(count):
        assert driver.waiting.acquire(timeout=20)
    return calls


def test_other_drivers_answer_while_one_hangs(connect, release) -> None:
    stuck = Hanging(answers=release)
    tree = Composite(children={"stuck": stuck, "other": Hanging(answers=release), "power": SyncMockPower()})
    with connect(tree) as wire:
        calls = _hang(wire, stuck, DRIVER_LIMIT)
        uuid = wire.uuid("stuck")
        calls += [wire.start("hang", uuid=uuid) for _ in range(10)]
        # Their clients give up, but the threads hang on.
        for call in calls:
            call.cancel()
        assert wire.call("off", name="power") is None
        assert wire.call("ping", name="other") == "pong"
        release.set()
        assert wire.call("ping", name="stuck") == "pong"


def test_driver_that_hangs_says_so(connect, refused, release) -> None:
    stuck = Hanging(answers=release)
    with connect(Composite(children={"stuck": stuck}), call_patience=0) as wire:
        calls = _hang(wire, stuck, DRIVER_LIMIT)
        for refusal in (
            refused(lambda: wire.call("ping", name="stuck")),
            refused(lambda: wire.items("items", name="stuck")),
        ):
            assert refusal == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "The driver 'stuck' runs 32 calls, which is the most that it may; none has ended in 0 seconds, and the "
                "oldest, 'hang', runs for 0 seconds. Wait for them, switch the board off and on, or start the exporter "
                "anew.",
            )
        release.set()
        assert [call.result().result.string_value for call in calls] == ["done"] * DRIVER_LIMIT
        assert wire.call("ping", name="stuck") == "pong"


def test_power_is_switched_by_a_driver_whose_other_calls_hang(connect, release) -> None:
    supply = HangingPower(answers=release)
    with connect(Composite(children={"stuck": supply}), call_patience=0) as wire:
        _hang(wire, supply, DRIVER_LIMIT)
        assert wire.call("off", name="stuck") == "off"
        assert wire.call("on", name="stuck") == "on"
        release.set()


def test_many_drivers_that_hang_leave_power_its_reserve(connect, refused, release) -> None:
    count = TOTAL_LIMIT // DRIVER_LIMIT
    stuck = {f"stuck{number}": Hanging(answers=release) for number in range(count)}
    tree = Composite(children={**stuck, "other": Hanging(), "power": SyncMockPower()})
    with connect(tree, call_patience=0) as wire:
        for name, driver in stuck.items():
            _hang(wire, driver, DRIVER_LIMIT, name)
        assert wire.call("off", name="power") is None
        code, details = refused(lambda: wire.call("ping", name="other"))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert details.startswith("This exporter runs 256 calls, which is the most that it may; ")
        release.set()


def test_call_that_is_cancelled_before_its_thread_begins_takes_no_place() -> None:
    async def scenario() -> None:
        begun = []
        driver = SyncMockPower()
        threads = DriverThreads({}, patience=0, limit=1)
        for _ in range(3):
            call = asyncio.create_task(threads.of(driver, "read").run(begun.append, 1))
            await asyncio.sleep(0)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
        # Those that had begun end by themselves.
        while True:
            try:
                assert await threads.of(driver, "read").run(threading.get_ident)
                break
            except DriverBusy:
                await asyncio.sleep(0.001)
        threads.close()

    asyncio.run(scenario())
