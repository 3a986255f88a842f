"""A board is brought to rest at the end of each lease, however it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.config import ExporterConfigV1Alpha1
from JumpstarterLibrary.exporter.config import HookInstanceConfigV1Alpha1 as Hook
from JumpstarterLibrary.exporter.drivers.power import MockPower

End = Callable[[Any, Any], Awaitable[object]]


class Relay(MockPower):
    """Power whose switching is noted."""

    switched: list[str]

    @export
    async def off(self) -> None:
        self.switched.append("off")


class Stuck(Relay):
    @export
    async def off(self) -> None:
        self.switched.append("off")
        raise OSError("the relay is stuck")


def boards(kind: type[Relay], switched: list[str]) -> Callable[[], Driver]:
    text = f"export: {{power: {{type: {__name__}.{kind.__name__}, on_release: power_off}}}}"
    kind.switched = switched
    return ExporterConfigV1Alpha1.from_str(text).instantiate


async def release(bench: Any, _: Any) -> None:
    bench.controller.release("l1")


async def expire(bench: Any, _: Any) -> None:
    bench.controller.expire("l1")


async def end_session(bench: Any, _: Any) -> None:
    await (await bench.remote("l1")).end_session()
    bench.controller.release("l1")


async def stop(_: Any, exporter: Any) -> None:
    exporter.request_stop()


ENDS = [release, expire, end_session, stop]


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_it_is_done_at_every_end_of_a_lease(play: Any, end: End, hooked: bool) -> None:
    async def test(bench: Any) -> None:
        switched: list[str] = []
        hook = Hook(script="true") if hooked else None
        exporter = await bench.exporter(factory=boards(Relay, switched), after_lease=hook)
        await bench.ready("l1", exporter)
        assert switched == []
        await end(bench, exporter)
        await bench.until(lambda: exporter.lease is None or bench.running[exporter].done())
        assert switched == ["off"]

    play(test)


@pytest.mark.parametrize("on_failure", ["endLease", "exit"])
@pytest.mark.parametrize("which", ["before_lease", "after_lease"])
def test_a_hook_that_fails_does_not_keep_it_from_happening(play: Any, which: str, on_failure: Any) -> None:
    async def test(bench: Any) -> None:
        switched: list[str] = []
        hooks = {which: Hook(script="exit 1", on_failure=on_failure)}
        exporter = await bench.exporter(factory=boards(Relay, switched), **hooks)
        await bench.lease("l1")
        if which == "after_lease":
            await bench.until(lambda: bench.statuses()[-1] == "LEASE_READY")
            bench.controller.release("l1")
        await bench.until(lambda: exporter.lease is None and bench.controller.lease("l1").ended)
        assert switched == ["off"]

    play(test)


@pytest.mark.parametrize("hooked", [False, True])
def test_its_failure_is_told_and_the_next_lease_begins(play: Any, hooked: bool) -> None:
    async def test(bench: Any) -> None:
        switched: list[str] = []
        hook = Hook(script="true") if hooked else None
        exporter = await bench.exporter(factory=boards(Stuck, switched), after_lease=hook)
        await bench.ready("l1", exporter)
        bench.controller.release("l1")
        text = "Available for new lease. 'off' of driver 'power' (on_release) failed: the relay is stuck."
        await bench.until(lambda: ("AVAILABLE", text) in bench.reported())
        await bench.ready("l2", exporter)

    play(test)
