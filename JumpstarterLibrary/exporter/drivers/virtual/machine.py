"""The machine: power, boot loader, operating system, as one."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from typing import NoReturn

from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.hardware import (
    BoardActivity,
    BoardSettings,
    Hardware,
    PowerDown,
    Restart,
)
from JumpstarterLibrary.exporter.drivers.virtual.linux.userland import Linux
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium
from JumpstarterLibrary.exporter.drivers.virtual.uboot.loader import VirtualUBoot
from JumpstarterLibrary.exporter.drivers.virtual.wire import Wire
from JumpstarterLibrary.types import PowerReading

SUPPLY_VOLTAGE = 5.0
RIPPLE = 0.01
"""By how much of its value a reading differs at most from the last."""


class Machine:
    """A board with a supply, a medium and a serial console. All methods belong to one event loop.

    Args:
        clock: The board's time.
        wire: The console.
        medium: What it boots from.
        settings: How this board differs from others.
        logger: Where switching and losses are reported.
    """

    def __init__(
        self, clock: Clock, wire: Wire, medium: Medium, settings: BoardSettings, logger: logging.Logger
    ) -> None:
        self.wire = wire
        self.medium = medium
        self._clock = clock
        self._settings = settings
        self._logger = logger
        self._flash: dict[str, str] = {}
        self._hardware: Hardware | None = None
        self._life: asyncio.Task[NoReturn] | None = None
        wire.receiver = self._typed
        medium.changed = self._medium_changed

    @property
    def state(self) -> BoardActivity:
        """The board's activity."""
        return self._hardware.state if self._hardware is not None else BoardActivity.OFF

    @property
    def at_rest(self) -> bool:
        """Whether it does nothing more by itself: it waits for a line to be typed, is off, or was shut down."""
        hardware = self._hardware
        return hardware is None or hardware.tty.waiting or hardware.state is BoardActivity.HALTED

    def power_on(self) -> None:
        """Switch the supply on; a board that is on stays as it is."""
        if self._life is None:
            self._logger.info("power on")
            self._hardware = Hardware(self._clock, self.wire, self.medium, self._settings, self._flash)
            self._life = asyncio.create_task(_live(self._hardware))
            self._life.add_done_callback(self._report_fault)

    def power_off(self) -> None:
        """Cut the supply: everything stops where it is, and what was not saved is lost."""
        if self._life is not None:
            self._logger.info("power off")
            self._life.cancel()
            self._life = self._hardware = None

    def readings(self, seed: int) -> Iterator[PowerReading]:
        """Return an endless series of measurements, each made when it is asked for."""
        ripple = random.Random(seed)
        while True:
            amperes = self.state.value * ripple.uniform(1 - RIPPLE, 1 + RIPPLE)
            volts = (
                SUPPLY_VOLTAGE * ripple.uniform(1 - RIPPLE / 4, 1 + RIPPLE / 4)
                if self.state is not BoardActivity.OFF
                else 0.0
            )
            yield PowerReading(round(volts, 4), round(amperes, 4))

    def _typed(self, data: bytes) -> None:
        if self._hardware is not None:
            self._hardware.tty.feed(data)

    def _medium_changed(self) -> None:
        if self._hardware is not None:
            self._hardware.medium_changed()

    def _report_fault(self, life: asyncio.Task[NoReturn]) -> None:
        if not life.cancelled() and (error := life.exception()) is not None:
            self._logger.error("The virtual board's software failed; this is a bug. Power-cycle it.", exc_info=error)


async def _live(hardware: Hardware) -> NoReturn:
    while True:
        try:
            image, cmdline = await VirtualUBoot(hardware).boot()
            await Linux(hardware, image, cmdline).run()
        except Restart:
            hardware.state = BoardActivity.BOOTING
        except PowerDown:
            hardware.state = BoardActivity.HALTED
            await asyncio.Event().wait()
