"""The boot loader: from the first line on the console to a running kernel, or to the ``=>`` prompt."""

from __future__ import annotations

import re

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BOARD_NAME, BoardActivity, Hardware, Restart
from JumpstarterLibrary.exporter.drivers.virtual.image import Image
from JumpstarterLibrary.exporter.drivers.virtual.script import Command, Step, parse, run_steps
from JumpstarterLibrary.exporter.drivers.virtual.tty import EndOfInput, Interrupted
from JumpstarterLibrary.exporter.drivers.virtual.uboot.commands import COMMANDS, StartKernel
from JumpstarterLibrary.exporter.drivers.virtual.words import UBOOT_OPERATORS, Incomplete, SyntaxProblem, expand

PROMPT = "=> "
VERSION = "U-Boot 2026.01 (virtual board)"
DEFAULT_ENVIRONMENT = {
    "arch": "arm",
    "baudrate": "115200",
    "board": "virtual",
    "bootargs": "console=ttyS0,115200 root=/dev/mmcblk0p2 rootwait",
    "bootcmd": "mmc dev 0 && mmc read ${loadaddr} 0 0x800 && bootm ${loadaddr}",
    "bootdelay": "2",
    "ethaddr": "02:00:00:00:00:01",
    "loadaddr": "0x42000000",
    "stderr": "serial",
    "stdin": "serial",
    "stdout": "serial",
    "ver": VERSION,
}

# Board seconds from reset until each piece of the start shows.
START = (
    (0.10, "\nU-Boot SPL 2026.01 (virtual board)\nTrying to boot from SPI\n"),
    (0.35, f"\n\n{VERSION}\n\nCPU:   Virtual Cortex-A72 at 1500 MHz\nModel: {BOARD_NAME}\n"),
    (0.45, "DRAM:  {memory}\n"),
    (0.55, "Core:  42 devices, 14 uclasses, devicetree: separate\nMMC:   mmc@1a100000: 0\n"),
    (0.60, "Loading Environment from SPIFlash... {environment}\n"),
    (0.70, "In:    serial\nOut:   serial\nErr:   serial\nNet:   eth0: ethernet@1a000000\n"),
)


class VirtualUBoot:
    """One life of the boot loader, from reset to `StartKernel` or `Restart`.

    Attributes:
        environment: The variables; changes are lost unless they are saved.
        status: The last command's exit status.
        read_from_medium: Whether ``mmc read`` has filled the memory from which ``bootm`` starts a kernel.
    """

    def __init__(self, hardware: Hardware) -> None:
        self.hardware = hardware
        self.environment = dict(hardware.flash or self.factory_environment())
        self.status = 0
        self.read_from_medium = False
        self._depth = 0

    def factory_environment(self) -> dict[str, str]:
        """Return the variables of a board on which nothing was saved."""
        return {**DEFAULT_ENVIRONMENT, **self.hardware.settings.environment}

    async def boot(self) -> tuple[Image, str]:
        """Run until a kernel starts; return its image and its command line.

        Raises:
            Restart: ``reset`` was typed.
        """
        try:
            await self._start()
            if await self._countdown():
                await self.run(self.environment.get("bootcmd", ""))
            await self._prompt()
        except StartKernel as kernel:
            return kernel.image, " ".join(filter(None, (self.environment.get("bootargs"), kernel.image.cmdline)))
        raise Restart

    async def write(self, text: str) -> None:
        """Print on the console."""
        await self.hardware.tty.write(text)

    async def run(self, script: str) -> int:
        """Run a script and return its status; a fault in it is printed."""
        if self._depth >= 16:
            await self.write("** Too many nested scripts **\n")
            return 1
        self._depth += 1
        try:
            self.status = await run_steps(parse(script, UBOOT_OPERATORS), self._step)
        except (Incomplete, SyntaxProblem):
            await self.write("syntax error\n")
            self.status = 1
        finally:
            self._depth -= 1
        return self.status

    async def _start(self) -> None:
        values = {
            "memory": self.hardware.settings.memory,
            "environment": "OK" if self.hardware.flash else "*** Warning - bad CRC, using default environment",
        }
        self.hardware.tty.echo = True
        start = self.hardware.clock.now()
        for moment, text in START:
            await self.hardware.clock.sleep_until(start + moment)
            await self.write(text.format_map(values))
        self.hardware.state = BoardActivity.LOADER

    async def _countdown(self) -> bool:
        """Count ``bootdelay`` down; return False if a key was pressed (or autoboot is off)."""
        delay = self.environment.get("bootdelay", "2")
        left = int(delay) if re.fullmatch(r"-?[0-9]{1,4}", delay) else 2
        if left < 0:
            return left == -2
        await self.write(f"Hit any key to stop autoboot: {left:2d} ")
        pressed = await self.hardware.tty.key(within=0)
        while left:
            pressed = pressed or await self.hardware.tty.key(within=1)
            left = 0 if pressed else left - 1
            await self.write(f"\b\b\b{left:2d} ")
        await self.write("\n")
        return not pressed

    async def _prompt(self) -> None:
        tty = self.hardware.tty
        while True:
            try:
                line = await tty.read_line(PROMPT)
                tty.start_command()
                await self.run(line)
            except Interrupted:
                await self._interrupted()
            except EndOfInput:
                await self.write("\n")
            finally:
                tty.end_command()

    async def _interrupted(self) -> None:
        self.status = 1
        self.hardware.tty.end_command()
        await self.write("<INTERRUPT>\n")

    async def _step(self, step: Step) -> int:
        command = step.pipeline[0]
        assert isinstance(command, Command)  # the boot loader's language has no groups
        arguments = await expand(command.words, self._lookup, _no_substitution)
        if not arguments:
            return self.status
        function = COMMANDS.get(arguments[0])
        if function is None:
            await self.write(f"Unknown command '{arguments[0]}' - try 'help'\n")
            self.status = 1
        else:
            self.status = await function.run(self, arguments[1:])
        return self.status

    def _lookup(self, name: str) -> str:
        return str(self.status) if name == "?" else self.environment.get(name, "")


async def _no_substitution(script: str) -> str:
    raise SyntaxProblem(f"$({script}) is not part of this language")
