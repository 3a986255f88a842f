"""A lease whose drivers cannot start fails alone; the exporter comes back by itself, or gives up as it was told to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.common import unix_sockets
from JumpstarterLibrary.errors import ConfigurationError
from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.composite import Composite
from JumpstarterLibrary.exporter.drivers.power import MockPower
from JumpstarterLibrary.exporter.leasing import ExporterTiming, FailureLimit
from JumpstarterLibrary.exporter.leasing.recovery import StartFailed, StartRecovery

GONE = "export.power: there is no such thing any more."
RELAY = "no answer from the relay"


class Unready(MockPower):
    """A driver whose hardware does not answer."""

    def reset(self) -> None:
        raise OSError(RELAY)


class Clock:
    """A clock that stands still, until a test lets the pause end that the exporter waits for."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._pauses: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()

    def seconds(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float, /) -> None:
        end = asyncio.get_running_loop().create_future()
        self._pauses.put_nowait((seconds, end))
        await end

    async def end_pause(self) -> float:
        """End the next pause, as soon as it has begun; return its length."""
        while True:
            seconds, end = await self._pauses.get()
            if not end.cancelled():
                self._seconds += seconds
                end.set_result(None)
                return seconds


class Board:
    """A board whose drivers fail as long as it is told to.

    Attributes:
        broken: Builds the drivers in place of the good ones; None while nothing is broken.
        starts: How often drivers were asked for.
    """

    def __init__(self) -> None:
        self.broken: Callable[[], Driver] | None = None
        self.starts = 0

    def __call__(self) -> Driver:
        self.starts += 1
        return (self.broken or _good)()


def _good() -> Driver:
    return Composite(children={"power": MockPower()})


def gone() -> Driver:
    raise ConfigurationError(GONE)


def unready() -> Driver:
    return Composite(children={"power": Unready()})


def mistaken() -> Driver:
    raise RuntimeError("a mistake in the driver\nwith two lines")


def timing(clock: Clock) -> ExporterTiming:
    return ExporterTiming(scale=50.0, clock=clock)


def failed(lease: str, reason: str) -> str:
    return f"Lease '{lease}' could not be started: {reason}"


@pytest.mark.parametrize(
    ("broken", "reason"), [(gone, GONE), (unready, RELAY), (mistaken, "a mistake in the driver with two lines")]
)
def test_a_lease_that_cannot_be_started_fails_alone(play: Any, broken: Callable[[], Driver], reason: str) -> None:
    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        exporter = await bench.exporter(factory=board, timing=timing(clock))
        board.broken = broken
        await bench.lease("l1")
        await bench.until(lambda: bench.controller.lease("l1").ended)
        assert bench.reported()[-1] == ("OFFLINE", failed("l1", reason))
        assert (bench.controller.exporter("e1").online, "Unregister" in bench.calls()) == (False, False)
        assert exporter.session is None
        board.broken = None
        await bench.lease("l2", wait=False)
        assert await clock.end_pause() == 5
        await bench.until(lambda: bench.statuses()[-1] == "LEASE_READY")
        assert ("AVAILABLE", f"Available again. {failed('l1', reason)}") in bench.reported()
        await (await bench.remote("l2")).call("power", "on")

    play(test)


def test_the_pauses_grow_and_the_same_reason_is_told_once(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        exporter = await bench.exporter(factory=board, timing=timing(clock))
        board.broken = mistaken
        caplog.set_level(logging.INFO)
        await bench.lease("l1")
        assert [await clock.end_pause() for _ in range(7)] == [5, 10, 20, 40, 60, 60, 60]
        await bench.until(lambda: board.starts == 9)
        assert not bench.running[exporter].done()
        told = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert [record.getMessage().partition(":")[0] for record in told] == [
            "preparing the drivers failed",
            "The drivers could not start",
        ]
        assert [status for status, _ in bench.reported()[1:]] == ["OFFLINE"]

    play(test)


@pytest.mark.parametrize(("failures", "tries"), [(1, []), (3, [5, 10])])
def test_too_many_failures_end_the_exporter(play: Any, failures: int, tries: list[float]) -> None:
    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        limit = FailureLimit(failures=failures, window_s=16)
        exporter = await bench.exporter(factory=board, timing=timing(clock), failure_limit=limit)
        board.broken = unready
        await bench.lease("l1")
        await bench.until(lambda: bench.controller.lease("l1").ended)
        assert [await clock.end_pause() for _ in tries] == tries
        assert await bench.running[exporter] == 1
        often = "" if failures == 1 else f" {failures} times within 16 seconds"
        last = "" if failures == 1 else ", the last time"
        text = f"The exporter gives up, because its drivers failed to start{often} (failureDetection){last}: {RELAY}"
        assert bench.reported()[-1] == ("OFFLINE", text)
        assert bench.calls()[-1] == "Unregister"
        assert bench.controller.exporter("e1").status_message == f"Exporter shutdown: {text}"

    play(test)


def test_a_lease_that_starts_makes_up_for_failures(play: Any) -> None:
    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        exporter = await bench.exporter(factory=board, timing=timing(clock), failure_limit=FailureLimit(failures=2))
        for number in range(3):
            board.broken = gone
            await bench.lease(f"bad{number}")
            await bench.until(lambda number=number: bench.controller.lease(f"bad{number}").ended)
            board.broken = None
            assert await clock.end_pause() == 5
            await bench.ready(f"good{number}", exporter)
            bench.controller.release(f"good{number}")
            await bench.until(lambda: bench.statuses()[-1] == "AVAILABLE")
        assert not bench.running[exporter].done()

    play(test)


def test_a_lease_that_comes_meanwhile_is_tried_at_once(play: Any) -> None:
    """A controller may grant one before it hears that the exporter is offline, or not look at statuses at all."""

    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        await bench.exporter(factory=board, timing=timing(clock))
        board.broken = gone
        await bench.lease("l1")
        await bench.until(lambda: bench.controller.lease("l1").ended)
        bench.controller.report("e1", 2, "")
        await bench.lease("l2")
        await bench.until(lambda: bench.controller.lease("l2").ended)
        assert bench.reported()[-1] == ("OFFLINE", failed("l2", GONE))
        board.broken = None
        bench.controller.report("e1", 2, "")
        await bench.lease("l3")
        await bench.until(lambda: bench.statuses()[-1] == "LEASE_READY")

    play(test)


@pytest.mark.parametrize("after_lease", [False, True])
def test_an_exporter_can_be_stopped_while_it_tries(play: Any, after_lease: bool) -> None:
    async def test(bench: Any) -> None:
        board, clock = Board(), Clock()
        exporter = await bench.exporter(factory=board, timing=timing(clock))
        board.broken = gone
        await bench.lease("l1")
        await bench.until(lambda: bench.controller.lease("l1").ended)
        exporter.request_stop(after_lease=after_lease)
        assert await bench.running[exporter] == 0
        assert bench.reported()[-1] == ("OFFLINE", "Exporter shutting down")

    play(test)


def test_no_room_for_sockets_fails_the_lease_as_well(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(bench: Any) -> None:
        clock = Clock()
        exporter = await bench.exporter(timing=timing(clock))
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/self")
        await bench.lease("l1")
        await bench.until(lambda: bench.controller.lease("l1").ended)
        status, text = bench.reported()[-1]
        assert (status, text.startswith("Lease 'l1' could not be started: [Errno 2]")) == ("OFFLINE", True)
        monkeypatch.undo()
        await bench.lease("l2", wait=False)
        await clock.end_pause()
        await bench.until(lambda: bench.statuses()[-1] == "LEASE_READY")
        assert exporter.lease == "l2"

    play(test)
    assert not unix_sockets._directories


def test_failures_outside_of_the_window_do_not_count() -> None:
    async def test() -> None:
        clock, failures = Clock(), 0

        async def start() -> None:
            nonlocal failures
            failures += 1
            raise StartFailed("nothing there")

        recovery = StartRecovery(start, FailureLimit(failures=2, window_s=5), clock)
        recovery.note(StartFailed("nothing there"))
        running = asyncio.create_task(recovery.run())
        assert [await clock.end_pause() for _ in range(4)] == [5, 10, 20, 40]
        assert (failures, recovery.given_up, running.done()) == (3, None, False)
        running.cancel()

    asyncio.run(test())
