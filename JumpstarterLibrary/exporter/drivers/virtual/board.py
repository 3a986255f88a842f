"""The virtual board as a driver: power, storage and console of one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from JumpstarterLibrary.exporter.driver import Driver
from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.console import VirtualConsole
from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardSettings
from JumpstarterLibrary.exporter.drivers.virtual.image import make_image
from JumpstarterLibrary.exporter.drivers.virtual.machine import Machine
from JumpstarterLibrary.exporter.drivers.virtual.medium import Medium
from JumpstarterLibrary.exporter.drivers.virtual.power import VirtualPower
from JumpstarterLibrary.exporter.drivers.virtual.storage import VirtualStorage
from JumpstarterLibrary.exporter.drivers.virtual.wire import BACKLOG, Wire


@dataclass(kw_only=True, eq=False)
class VirtualBoard(Driver):
    """A simulated machine with the children ``power``, ``storage`` and ``console``, which boots what was written to it.

    In an exporter's configuration::

        export:
          board:
            type: JumpstarterLibrary.exporter.drivers.virtual.VirtualBoard
            config:
              preinstalled: true
              speed: 1

    All times are board seconds: at ``speed: 10`` a board second takes a tenth of one of ours.

    Attributes:
        speed: Board seconds per second, default 10: from power on to the login prompt in 0.6 s. 1 is real time.
        preinstalled: What is on a new medium: nothing (false, the default), an image (true), or an image with these
            arguments of ``make_image``, for instance ``{hostname: bench-7}``.
        storage: The medium's file; default a private file that ``close`` removes.
        baudrate: Bits per board second on the console; default 0, as fast as it can.
        backlog: Bytes that wait for a console stream that is not read, default 1 MiB; then the oldest are dropped.
        bootdelay: What U-Boot counts down from, default 2 board seconds.
        environment: Further U-Boot variables that differ from the built-in ones.
        memory: What U-Boot reports as DRAM.
        noise: Board seconds between unsolicited kernel lines, also in the middle of other output; default 0, none.
        prompt: The shell's ``PS1``, with ``\\u``, ``\\h``, ``\\w`` and ``\\$``.
        bracketed_paste: Whether the shell switches bracketed paste on before each prompt; default no.
        read_interval: Board seconds between power readings, default 0.1.
        readings: Power readings per ``read``; default 0, as long as the client listens.
        seed: Of the readings' ripple.
    """

    speed: float = 10.0
    preinstalled: bool | Mapping[str, Any] = False
    storage: str | None = None
    baudrate: int = 0
    backlog: int = BACKLOG
    bootdelay: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    memory: str = "1 GiB"
    noise: float = 0.0
    prompt: str = BoardSettings.prompt
    bracketed_paste: bool = False
    read_interval: float = 0.1
    readings: int = 0
    seed: int = 0
    machine: Machine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Wire the parts together.

        Raises:
            ValueError: A setting cannot be.
        """
        super().__post_init__()
        if min(self.noise, self.read_interval, self.readings) < 0:
            raise ValueError("noise, read_interval and readings must not be negative.")
        clock = Clock(self.speed)
        wire = Wire(clock, self.logger, baudrate=self.baudrate, backlog=self.backlog)
        medium = Medium(self.logger, Path(self.storage) if self.storage else None, self._factory_image())
        settings = BoardSettings(
            noise=self.noise,
            prompt=self.prompt,
            bracketed_paste=self.bracketed_paste,
            environment={"bootdelay": str(self.bootdelay), **self.environment},
            memory=self.memory,
        )
        self.machine = Machine(clock, wire, medium, settings, self.logger)
        own = {
            "power": VirtualPower(
                machine=self.machine,
                clock=clock,
                read_interval=self.read_interval,
                readings=self.readings,
                seed=self.seed,
            ),
            "storage": VirtualStorage(medium=medium),
            "console": VirtualConsole(wire=wire),
        }
        for name in own.keys() & self.children.keys():
            raise ValueError(f"A virtual board has its own child {name!r}. Give the configured one another name.")
        self.children = own | self.children

    @classmethod
    def client(cls) -> str:
        """Return the label of a group."""
        return "jumpstarter_driver_composite.client.CompositeClient"

    def _factory_image(self) -> bytes:
        if isinstance(self.preinstalled, Mapping):
            return make_image(**self.preinstalled)
        return make_image() if self.preinstalled else b""
