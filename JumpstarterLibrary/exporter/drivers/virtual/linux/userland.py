"""The operating system: kernel, login prompt, shell session, again and again until the machine stops."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NoReturn

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BoardActivity, Hardware
from JumpstarterLibrary.exporter.drivers.virtual.image import Image
from JumpstarterLibrary.exporter.drivers.virtual.linux.kernel import Kernel, Panic
from JumpstarterLibrary.exporter.drivers.virtual.linux.process import Logout, Streams
from JumpstarterLibrary.exporter.drivers.virtual.linux.shell import Shell
from JumpstarterLibrary.exporter.drivers.virtual.linux.system import System
from JumpstarterLibrary.exporter.drivers.virtual.tty import EndOfInput, Interrupted
from JumpstarterLibrary.exporter.drivers.virtual.words import Incomplete

SERVICES = ("Starting system message bus: dbus.", "Starting network: OK", "Starting virtual-app: OK")
SERVICE_TIME = 0.35
"""Board seconds that each service takes to start."""

SCRIPT_LIMIT = 64 * 1024
"""Characters that are typed in one open quote before the shell gives up."""

LOGIN_DELAY = 1.0
"""Board seconds that pass before a wrong password is refused."""

PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l\r"


class Linux:
    """One life of the operating system.

    Args:
        hardware: What it runs on.
        image: Which system it is.
        cmdline: The kernel's command line.
    """

    def __init__(self, hardware: Hardware, image: Image, cmdline: str) -> None:
        self.hardware = hardware
        self.kernel = Kernel(hardware, cmdline)
        self.system = System(hardware, self.kernel, image)
        self._tty = hardware.tty

    async def run(self) -> NoReturn:
        """Run until the machine restarts or stops.

        Raises:
            Restart: The system was rebooted, or has panicked and restarts.
            PowerDown: The system was shut down.
        """
        chatter: asyncio.Task[NoReturn] | None = None
        self.hardware.state = BoardActivity.BOOTING
        self.hardware.medium_changed = self.kernel.medium_changed
        try:
            await self.kernel.boot(self.system.image)
            if self.hardware.settings.noise:
                chatter = asyncio.create_task(self.kernel.chatter())
                self._tty.interruption = self.kernel.interruption
            await self._init()
            while True:
                await self._login()
                await self._session()
        except Panic as panic:
            self._silence(chatter)
            await self.kernel.panic(panic.reason, panic.comm)
        finally:
            self.hardware.medium_changed = lambda: None
            self._silence(chatter)

    def _silence(self, chatter: asyncio.Task[NoReturn] | None) -> None:
        self._tty.interruption = bytes
        if chatter is not None:
            chatter.cancel()

    async def _init(self) -> None:
        await self._tty.write(f"\nWelcome to Virtual Linux {self.system.image.version}!\n\n")
        for line in SERVICES:
            await self.hardware.clock.sleep(SERVICE_TIME)
            await self._tty.write(f"{line}\n")
        self.hardware.state = BoardActivity.IDLE

    async def _login(self) -> None:
        """Ask for a login until a user logs in. What was typed before the prompt is dropped, as getty does."""
        self._tty.flush()
        self._tty.echo = True
        await self._tty.write(f"\nVirtual Linux {self.system.image.version} {self.system.hostname} ttyS0\n\n")
        while True:
            with suppress(Interrupted, EndOfInput):
                user = await self._tty.read_line(f"{self.system.hostname} login: ")
                if user and await self._accepts(user.strip()):
                    return
                if not user:
                    continue
                await self.hardware.clock.sleep(LOGIN_DELAY)
                await self._tty.write("\nLogin incorrect\n")
                continue
            await self._tty.write("\n")

    async def _accepts(self, user: str) -> bool:
        image = self.system.image
        if user == image.user and not image.password:
            return True
        password = await self._tty.read_line("Password: ", secret=True)
        return (user, password) == (image.user, image.password)

    async def _session(self) -> None:
        shell = Shell(self.system, self._variables())
        self.system.files.directory = self.system.files.home
        streams = Streams(self._tty.write, self._tty.write)
        while True:
            try:
                await self._one_script(shell, streams)
            except Interrupted:
                shell.status = 130
                await self._tty.write("^C\n")
            except (EndOfInput, Logout):
                await self._tty.write("logout\n")
                return

    async def _one_script(self, shell: Shell, streams: Streams) -> None:
        """Read lines until they make a whole script, and run it."""
        paste_on, paste_off = (PASTE_ON, PASTE_OFF) if self.hardware.settings.bracketed_paste else ("", "")
        script, prompt = "", shell.prompt()
        while True:
            script += await self._tty.read_line(paste_on + prompt)
            await self._tty.write(paste_off)
            try:
                self._tty.start_command()
                self.hardware.state = BoardActivity.BUSY
                await shell.run(script, streams)
                return
            except Incomplete:
                if len(script) > SCRIPT_LIMIT:
                    await self._tty.write("sh: syntax error: unterminated quoted string\n")
                    return
                script, prompt = script + "\n", shell.lookup("PS2")
            finally:
                self._tty.end_command()
                self.hardware.state = BoardActivity.IDLE

    def _variables(self) -> dict[str, str]:
        home = self.system.files.home
        return {
            "HOME": home,
            "LOGNAME": self.system.user,
            "PATH": "/bin:/usr/bin",
            "PS1": self.hardware.settings.prompt,
            "PS2": "> ",
            "SHELL": "/bin/sh",
            "TERM": "vt220",
            "USER": self.system.user,
        }
