"""The virtual board's serial port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from JumpstarterLibrary.exporter.driver import Driver, export, exportstream
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire
from JumpstarterLibrary.exporter.readers import SharedReader


@dataclass(kw_only=True, eq=False)
class VirtualConsole(Driver):
    """The board's console for many listeners, one of which types.

    Attributes:
        wire: The serial wire.
        dtr: The line as it was set last; nothing on the board looks at it.
        rts: As ``dtr``.
    """

    wire: Wire = field(repr=False)
    dtr: bool = field(init=False, default=True)
    rts: bool = field(init=False, default=True)
    _loop: asyncio.AbstractEventLoop | None = field(init=False, default=None, repr=False)

    @classmethod
    def client(cls) -> str:
        """Return the label of a serial port."""
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @asynccontextmanager
    async def connect(self) -> AsyncIterator[SharedReader]:
        """Open the console. What the board said before is not in the stream, but for its end if others listen."""
        self._loop = asyncio.get_running_loop()
        reader = self.wire.open()
        try:
            yield reader
        finally:
            reader.hang_up()

    @export
    def close(self) -> None:
        """End the streams that are open. Called by clients (in a thread), and at the end of a session."""
        super().close()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, and with it every stream
                self._loop.call_soon_threadsafe(self.wire.hang_up)

    @export
    async def take_over(self) -> str | None:
        """Let another client type than the one that does, and return that one; None if there was none."""
        return self.wire.take_over()

    @export
    async def set_dtr(self, value: bool) -> None:
        """Set the line DTR (data terminal ready)."""
        self.dtr = _line("DTR", value)
        self.logger.info("DTR: %s", "on" if value else "off")

    @export
    async def set_rts(self, value: bool) -> None:
        """Set the line RTS (request to send)."""
        self.rts = _line("RTS", value)
        self.logger.info("RTS: %s", "on" if value else "off")


def _line(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is set to true or false, not {value!r}.")
    return value
