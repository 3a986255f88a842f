"""Drivers for the acceptance tests of the boot."""

from __future__ import annotations

from dataclasses import dataclass, field

from JumpstarterLibrary.exporter import Driver, export


@dataclass(kw_only=True)
class UBootConsole(Driver):
    """Groups power and serial port of a board with U-Boot, and knows its prompt, as upstream's driver does."""

    prompt: str = "\n=>"

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_uboot.client.UbootConsoleClient"

    @export
    def get_prompt(self) -> str:
        return self.prompt


@dataclass(kw_only=True)
class Button(Driver):
    """Remembers how often it was pressed."""

    presses: int = field(init=False, default=0)

    @classmethod
    def client(cls) -> str:
        return "atest.Button"

    @export
    def press(self, times: int = 1) -> None:
        self.presses += int(times)

    @export
    def pressed(self) -> int:
        return self.presses
