from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from JumpstarterLibrary.errors import OperationTimeout
from JumpstarterLibrary.exporter import Driver, export, serve
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.hosting import LoopThread


@dataclass(kw_only=True)
class Stuck(Driver):
    """A driver that blocks where it must not."""

    gate: threading.Event = field(default_factory=threading.Event)
    where: str = "close"

    @classmethod
    def client(cls) -> str:
        return "test.Stuck"

    def reset(self) -> None:
        if self.where == "reset":
            self.gate.wait(10)

    def close(self) -> None:
        if self.where == "close":
            self.gate.wait(10)

    @export
    def block(self) -> None:
        self.gate.wait(10)


def test_run_and_call_reach_the_exporters_loop() -> None:
    async def where() -> str:
        return threading.current_thread().name

    with serve(MockPower()) as exporter:
        assert exporter.run(where()) == "exporter-loop"
        assert exporter.call(threading.current_thread).name == "exporter-loop"
        with pytest.raises(ZeroDivisionError):
            exporter.call(divmod, 1, 0)


def test_run_gives_up_and_cancels() -> None:
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def own_timeout() -> None:
        raise TimeoutError("its own")

    with serve(MockPower()) as exporter:
        with pytest.raises(OperationTimeout) as info:
            exporter.run(forever(), timeout=0.02)
        assert str(info.value) == (
            "The exporter did not finish test_run_gives_up_and_cancels.<locals>.forever in 0.02 seconds."
        )
        assert cancelled.wait(5)
        with pytest.raises(TimeoutError, match=r"^its own$"):
            exporter.run(own_timeout())


def test_the_block_may_fail() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), serve(MockPower()):
        divmod(1, 0)
    assert threading.active_count() <= before


def test_a_driver_stuck_in_close_does_not_hang_the_caller() -> None:
    stuck = Stuck()
    with pytest.raises(OperationTimeout) as info, serve(stuck, stop_limit=0.05):
        pass
    assert str(info.value) == (
        "The thread exporter-loop did not end in 0.05 seconds. "
        "Something blocks its event loop, for example a driver's close()."
    )
    stuck.gate.set()


def test_a_driver_stuck_in_reset_does_not_hang_the_caller() -> None:
    stuck = Stuck(where="reset")
    with pytest.raises(OperationTimeout) as info, serve(stuck, start_limit=0.05, stop_limit=0.05):
        pass
    assert str(info.value.__context__) == "The exporter did not start in 0.05 seconds."
    stuck.gate.set()


def test_a_function_that_never_returns_does_not_hang_the_stop(connect: Any) -> None:
    stuck = Stuck(where="")
    with connect(stuck, grace=0.05) as wire:
        call = wire.start("block")
        assert wire.status() is not None
        wire.stop()
        assert call.exception() is not None
    stuck.gate.set()


def test_a_loop_thread_ends_its_tasks_and_executor() -> None:
    events: list[str] = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")

    async def start() -> str:
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        return name if not task.done() else ""

    thread = LoopThread("exporter-test")
    assert thread.run(start()) == "exporter-test-executor_0"
    thread.stop()
    assert events == ["cancelled"]
