"""Exceptions out of signal handlers, as timeouts of Robot Framework raise them, wherever the main thread is."""

from __future__ import annotations

import asyncio
import inspect
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.interrupts import interruptible
from JumpstarterLibrary.exporter import Driver, export

LIMIT_S = 10.0


class Patient(Driver):
    """Waits until it is cancelled, and says so."""

    @classmethod
    def client(cls) -> str:
        return "test.Patient"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.started, self.cancelled = threading.Event(), threading.Event()

    async def _wait(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    @export
    async def unary(self) -> None:
        await self._wait()

    @export
    async def streaming(self) -> AsyncIterator[int]:
        yield 1
        await self._wait()

    @export
    async def quick(self, value: int) -> int:
        return value


CALLS: dict[str, Callable[[Any], object]] = {
    "unary": lambda driver: driver.unary(),
    "streaming": lambda driver: list(driver.streamingcall("streaming")),
}


@pytest.mark.parametrize("style", CALLS)
def test_an_interrupted_call_is_cancelled_on_the_exporter(
    style: str, device_with: Callable[..., Device], alarm: Any
) -> None:
    driver = Patient()
    device = device_with({"patient": driver})
    alarm.after(driver.started)
    with pytest.raises(alarm.Interruption) as caught:
        CALLS[style](device.client.patient)
    # While the traceback is kept, as a test framework does.
    assert driver.cancelled.wait(LIMIT_S)
    assert caught.value.__traceback__ is not None
    assert device.client.patient.quick(7) == 7


# What is raised while something is destroyed is lost, and Python warns of it; that is no concern of the device's.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_device_works_after_interruptions_at_any_moment(device_with: Callable[..., Device], alarm: Any) -> None:
    seed = random.randrange(2**32)
    delays = random.Random(seed)
    device = device_with({"patient": Patient()})
    for number in range(150):
        with suppress(alarm.Interruption):
            _call_until(alarm, delays.uniform(0.0005, 0.003), device)
        worked = threading.Event()
        probe = threading.Thread(target=lambda: (_all_shapes(device), worked.set()), daemon=True)  # noqa: B023
        probe.start()
        assert worked.wait(LIMIT_S), f"the device hangs after interruption {number} with seed {seed}"
        probe.join(LIMIT_S)


def _call_until(alarm: Any, delay_s: float, device: Device) -> None:
    alarm(delay_s)
    end = time.monotonic() + 100 * delay_s
    while time.monotonic() < end:
        device.client.patient.quick(1)


def _all_shapes(device: Device) -> None:
    assert device.client.patient.quick(2) == 2
    with device.client.patient.streamingcall("streaming") as results:
        assert next(results) == 1


class Interruption(BaseException):
    """What a handler raises."""


def test_locks_that_an_interruption_left_taken_are_given_back() -> None:
    condition = threading.Condition()

    condition.acquire()
    with pytest.raises(Interruption), interruptible:
        _exit_interrupted(condition)
    taken = threading.Thread(target=condition.acquire, daemon=True)
    taken.start()
    taken.join(LIMIT_S)
    assert not taken.is_alive()


def _exit_interrupted(condition: threading.Condition) -> None:
    """Leave the condition, and raise there before anything is done, where a signal handler would run."""

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code is threading.Condition.__exit__.__code__:
            raise Interruption
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        condition.__exit__(None, None, None)
    finally:
        sys.settrace(before)


def test_what_a_generator_holds_is_given_back_while_the_interruption_is_still_handled() -> None:
    lock = threading.Lock()

    @contextmanager
    def holding() -> Iterator[None]:
        with lock:
            yield

    free: list[bool] = []
    try:
        with interruptible:
            _enter_interrupted(holding())
    except Interruption:
        # Its traceback is alive, and so is all that it refers to.
        free.append(lock.acquire(timeout=1))
    assert free == [True]


def _enter_interrupted(manager: AbstractContextManager[None]) -> None:
    """Enter a context manager, and raise when its generator has been entered and that is not known yet."""

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code is not type(manager).__enter__.__code__:
            return None
        frame.f_trace_opcodes = True
        entered = inspect.getgeneratorstate(manager.gen) == inspect.GEN_SUSPENDED  # type: ignore[attr-defined]
        if event == "opcode" and entered:
            raise Interruption
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        manager.__enter__()
    finally:
        sys.settrace(before)


def test_locks_that_are_not_taken_stay_so() -> None:
    condition = threading.Condition()
    with pytest.raises(ValueError, match="x"), interruptible, condition:
        raise ValueError("x")
    assert condition.acquire(blocking=False)
    condition.release()
