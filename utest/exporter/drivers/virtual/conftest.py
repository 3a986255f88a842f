"""A board whose time passes as fast as the processor can, so that waiting costs nothing and every run is the same."""

from __future__ import annotations

import asyncio
import logging
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Self

import pytest

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardSettings
from JumpstarterLibrary.exporter.drivers.virtual.image import make_image
from JumpstarterLibrary.exporter.drivers.virtual.machine import Machine
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire
from JumpstarterLibrary.exporter.readers import SharedReader

LIMIT = 1000.0


class SkippingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the loop's time to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if not events:
            assert timeout is not None, "everybody waits, and nothing will ever happen"
            self.now += max(timeout, 0)
        return events


class SkippingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = SkippingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


class Bench:
    """A machine on a table, with somebody at its console."""

    def __init__(self, image: bytes | None = None, *, baudrate: int = 0, **settings: Any) -> None:
        logger = logging.getLogger("driver.VirtualBoard")
        self.clock = Clock(1.0, asyncio.get_running_loop().time)
        self.wire = Wire(self.clock, logger, baudrate=baudrate)
        self.medium = Medium(logger, factory=make_image() if image is None else image)
        self.machine = Machine(self.clock, self.wire, self.medium, BoardSettings(**settings), logger)
        self.tap: SharedReader = self.wire.open()
        self.unread = ""

    async def __aenter__(self) -> Self:
        self.machine.power_on()
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.machine.power_off()
        self.medium.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    async def until(self, text: str) -> str:
        """Return what the board says up to a text, with line feeds at line ends."""
        try:
            async with asyncio.timeout(LIMIT):
                while text not in self.unread:
                    self.unread += (await self.tap.receive()).decode().replace("\r\n", "\n")
        except TimeoutError:
            raise AssertionError(f"no {text!r} in {self.unread!r}") from None
        before, _, self.unread = self.unread.partition(text)
        return before

    async def type(self, text: str) -> None:
        await self.tap.send(text.encode())

    async def silence(self, seconds: float) -> str:
        """Return what the board says in so many board seconds."""
        await self.clock.sleep(seconds)
        self.wire.put(b"\0")
        said = (self.unread + (await self.tap.receive()).decode()).removesuffix("\0").replace("\r\n", "\n")
        self.unread = ""
        return said

    async def stop_autoboot(self) -> None:
        await self.until("autoboot:  2 ")
        await self.type(" ")
        await self.until("\n=> ")

    async def loader(self, line: str) -> str:
        """Return what a U-Boot command prints."""
        return await self._command(line, "=> ")

    async def login(self) -> None:
        await self.until("login: ")
        await self.type("root\r")
        await self.until("Password: ")
        await self.type("root\r")
        await self.until("# ")

    async def shell(self, line: str) -> str:
        """Return what a shell command prints."""
        return await self._command(line, "root@virtual:~# ")

    async def _command(self, line: str, prompt: str) -> str:
        await self.type(f"{line}\r")
        await self.until(f"{line}\n")
        return await self.until(prompt)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Run:
    """Runs a coroutine on a loop whose time skips what nobody waits for."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=SkippingLoop) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture
def bench() -> type[Bench]:
    """The table; only a coroutine can set it up."""
    return Bench
