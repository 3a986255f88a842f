"""A driver that fails in every way a method can; for upstream's exporter and for ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

try:
    from jumpstarter.driver import Driver, export
except ModuleNotFoundError:
    from JumpstarterLibrary.exporter import Driver, export

ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        ConnectionRefusedError,
        FileNotFoundError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        TimeoutError,
        ValueError,
    )
}


@dataclass(kw_only=True)
class Faults(Driver):
    """Raises what it is asked to."""

    @classmethod
    def client(cls) -> str:
        """Return the label of upstream's base class, which can call any method."""
        return "jumpstarter.client.DriverClient"

    @export
    async def fail(self, kind: str, text: str) -> None:
        """Raise an error."""
        raise ERRORS[kind](text)

    @export
    async def fail_after(self, count: int, kind: str, text: str) -> AsyncIterator[int]:
        """Yield some numbers, then raise an error."""
        for number in range(int(count)):
            yield number
        raise ERRORS[kind](text)

    @export
    async def same(self, value: object) -> object:
        """Return what was given."""
        return value

    @export
    async def wait(self, seconds: float) -> str:
        """Return after a while."""
        await asyncio.sleep(seconds)
        return "waited"

    @export
    async def log(self, text: str) -> None:
        """Write a line into the exporter's log."""
        self.logger.warning(text)
