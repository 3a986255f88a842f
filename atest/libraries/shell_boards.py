"""Boards whose system is a real shell on a pseudo terminal, behind a boot loader, a kernel and a login that are played.

What is typed and said goes over a line of a speed, and the terminal has a width and a name, so that a suite meets the
line editor of each shell as it is on a serial port.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import shutil
import signal
import struct
import tempfile
import termios
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from JumpstarterLibrary.exporter import Driver, export
from JumpstarterLibrary.exporter.drivers.virtual.clock import Clock
from JumpstarterLibrary.exporter.drivers.virtual.console import VirtualConsole
from JumpstarterLibrary.exporter.drivers.virtual.wire import FIFO, Wire

PAUSE_S = 0.05
"""Seconds between two parts of a boot."""

COUNTDOWN_S = 0.6
"""Seconds in which the boot loader can be stopped."""

KERNEL = """\
Linux version 6.1.0-18 (build@host) (gcc 12.2.0) #1 SMP Debian 6.1.76-1
Command line: console=ttyS0
Run /sbin/init as init process
"""

PANIC = """\
sysrq: Trigger a crash
Kernel panic - not syncing: sysrq triggered crash
CPU: 0 PID: 312 Comm: sh Not tainted 6.1.0-18 #1  Debian 6.1.76-1
Hardware name: Played board (DT)
Call trace:
 dump_backtrace+0xe0/0x140
 show_stack+0x20/0x30
 dump_stack_lvl+0x64/0x80
 panic+0x190/0x35c
 sysrq_handle_crash+0x28/0x30
 __handle_sysrq+0x98/0x1b0
 write_sysrq_trigger+0xc0/0xf0
 ksys_write+0x70/0x100
Kernel Offset: disabled
---[ end Kernel panic - not syncing: sysrq triggered crash ]---
"""

GOING_DOWN = {
    "busybox": "\nThe system is going down NOW!\nSent SIGTERM to all processes\nSent SIGKILL to all processes\n"
    "Requesting system reboot\n",
    "systemd": "\n[  OK  ] Stopped target Multi-User System.\n[  OK  ] Reached target System Reboot.\n",
    "quiet": "",
}
"""What a system says before it restarts, by kind of init."""

LOGINS = {
    "getty": ("\nDebian GNU/Linux 12 board ttyS0\n\nboard login: ", "Password: "),
    "german": ("\nboard Anmeldung\n\nboard login: ", "Passwort: "),
    "username": ("\n\nUsername: ", "Password: "),
    "press-enter": ("\nPlease press Enter to activate this console. ", ""),
    "none": ("", ""),
}
"""Question for the name, and for the password, by kind of login. Without the latter none is asked for."""


@dataclass(frozen=True)
class Loader:
    """A boot loader that is played.

    Attributes:
        banner: What it says first.
        countdown: How it counts down; empty where it cannot be stopped.
        prompt: Its prompt.
        hush: Whether its shell knows ``$?`` and comments.
    """

    banner: str
    countdown: str = ""
    prompt: str = "=> "
    hush: bool = True


_HIT = "Hit any key to stop autoboot:  1 "

LOADERS = {
    "u-boot": Loader("\nU-Boot 2024.01 (Jan 08 2024 - 15:37:48 +0000)\n\nDRAM:  1 GiB\n", _HIT),
    "spl": Loader(
        "\nU-Boot SPL 2023.04 (Apr 03 2023 - 20:38:50 +0000)\nTrying to boot from MMC1\nNOTICE:  BL31: v2.8(release):\n"
        "\nU-Boot 2023.04 (Apr 03 2023 - 20:38:50 +0000)\n\n",
        _HIT,
        "u-boot=> ",
    ),
    "u-boot-1.1.4": Loader("\nU-Boot 1.1.4 (Apr 19 2014 - 00:17:22)\n\nDRAM: 64 MB\n", _HIT, "ar7240> ", hush=False),
    "barebox": Loader("\nbarebox 2023.01.0 #1 Mon Jan 9 10:00:00 UTC 2023\n\n", _HIT, "barebox@board:/ "),
    "seabios": Loader("\nSeaBIOS (version 1.16.2-debian-1.16.2-1)\n\nBooting from Hard Disk...\n"),
    "quiet": Loader(""),
}


@dataclass(kw_only=True, eq=False)
class ShellPower(Driver):
    """Switches a board.

    Attributes:
        board: The board.
    """

    board: ShellBoard = field(repr=False)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_power.client.PowerClient"

    @export
    async def on(self) -> None:
        """Switch on; does nothing to a board that is on."""
        await self.board.power_on()

    @export
    async def off(self) -> None:
        """Cut the power."""
        await self.board.power_off()


@dataclass(kw_only=True, eq=False)
class ShellBoard(Driver):
    """A board with the children ``power`` and ``console``, whose system is a shell of this machine.

    The shell finds the programs ``board-reboot`` and ``board-crash`` on its path, which restart and crash the board
    alone. ``reboot`` is a command of some shells themselves, and would mean the machine that the test runs on.

    Attributes:
        shell: The shell's program and arguments.
        environment: Further variables of its environment, such as ``PS1``.
        term: The terminal's name.
        columns: The terminal's width; 0 where it does not tell, as on serial ports.
        baudrate: Bits per second in each direction; 0 for as fast as it goes.
        loader: One of ``LOADERS``.
        login: One of ``LOGINS``; ``root`` logs in with the password ``root``.
        init: One of ``GOING_DOWN``.
        stamped: Whether the kernel's lines have times.
    """

    shell: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    term: str = "vt100"
    columns: int = 0
    baudrate: int = 0
    loader: str = "u-boot"
    login: str = "getty"
    init: str = "busybox"
    stamped: bool = True
    _life: asyncio.Task[None] | None = field(init=False, default=None, repr=False)
    _typed: asyncio.Queue[bytes] = field(init=False, default_factory=asyncio.Queue, repr=False)
    _waiting: str = field(init=False, default="", repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._folder = Path(tempfile.mkdtemp(prefix="shell-board-"))
        self._wire = Wire(Clock(1), self.logger, baudrate=self.baudrate)
        self._wire.receiver = self._typed.put_nowait
        self._writing = asyncio.Lock()
        self._byte_time = 10 / self.baudrate if self.baudrate else 0.0
        for name in ("reboot", "crash"):
            program = self._folder / f"board-{name}"
            # A crash is over with what provokes it; a restart is only asked for.
            behind = "exec sleep 600" if name == "crash" else ""
            program.write_text(f"#!/bin/sh\necho {name} > {self._control}\n{behind}\n")
            program.chmod(0o755)
        self.children = {"power": ShellPower(board=self), "console": VirtualConsole(wire=self._wire)}

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_composite.client.CompositeClient"

    def close(self) -> None:
        """Remove the board's files."""
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _control(self) -> Path:
        return self._folder / "control"

    async def power_on(self) -> None:
        """Begin to boot."""
        if self._life is None:
            self._life = asyncio.create_task(self._live())

    async def power_off(self) -> None:
        """End the boot loader, the system or the panic of the board."""
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            await asyncio.wait([life])

    # What the board does

    async def _live(self) -> None:
        while await self._boot() == "reboot":
            if self.init != "quiet":
                await self._kernel("reboot: Restarting system\n")

    async def _boot(self) -> str:
        """Boot, and return the word that ended the system: ``reboot`` or ``crash``."""
        loader = LOADERS[self.loader]
        self._forget_typed()
        await self._say(loader.banner)
        if loader.countdown and await self._stopped(loader) and await self._prompt(loader) == "reset":
            return "reboot"
        if loader.banner:
            await self._say("\nStarting kernel ...\n\n")
        if self.loader != "quiet":
            await self._kernel(KERNEL)
        while await self._logged_in():
            if word := await self._run_shell():
                return word
        return ""

    async def _stopped(self, loader: Loader) -> bool:
        await self._say(loader.countdown)
        try:
            async with asyncio.timeout(COUNTDOWN_S):
                await self._typed.get()
        except TimeoutError:
            await self._say("\b\b 0 \n")
            return False
        self._forget_typed()
        await self._say("\n")
        return True

    async def _prompt(self, loader: Loader) -> str:
        """Play the boot loader's prompt until a command leaves it, and return that."""
        status, last = 0, ""
        while True:
            line = (await self._line(loader.prompt)).strip()
            command = line or last
            last = command
            if loader.hush and command.startswith("#"):
                continue
            if loader.hush:
                command = command.replace("$?", str(status))
            status = 0
            if command in ("boot", "reset"):
                return command
            if command.startswith("echo "):
                await self._say(command[5:] + "\n")
            elif command == "version":
                await self._say(loader.banner.strip().splitlines()[-1] + "\n")
            elif command:
                status = 1
                await self._say(f"Unknown command '{command.split()[0]}' - try 'help'\n")

    async def _logged_in(self) -> bool:
        name, password = LOGINS[self.login]
        while name:
            user = await self._line(name)
            if not password:
                break
            if not user.strip():
                continue
            typed = await self._line(password, echo=False)
            if (user, typed) == ("root", "root"):
                break
            await self._say("\nLogin incorrect\n")
        return True

    async def _kernel(self, text: str) -> None:
        for number, line in enumerate(text.splitlines()):
            stamp = f"[{number / 10:12.6f}] " if self.stamped else ""
            await self._say(f"{stamp}{line}\n")

    async def _run_shell(self) -> str:
        """Run the shell; return the word of the program that ended the system, empty where the shell ended."""
        if self._control.exists():
            self._control.unlink()
        os.mkfifo(self._control)
        # Both ends are open here, so that neither waits for the other.
        control = os.open(self._control, os.O_RDWR | os.O_NONBLOCK)
        shell = _Shell([*self.shell], self._environment(), self.columns)
        word = asyncio.create_task(_first_line(control))
        pumps = [asyncio.create_task(self._pump_out(shell)), asyncio.create_task(self._pump_in(shell))]
        try:
            await asyncio.wait([word, pumps[0]], return_when=asyncio.FIRST_COMPLETED)
            if not word.done():
                return ""
            if word.result() == "reboot":
                await self._say(GOING_DOWN[self.init])
            elif word.result() == "crash":
                for pump in pumps:
                    pump.cancel()
                await self._kernel(PANIC)
                await asyncio.Event().wait()  # until power is cut
            return word.result()
        finally:
            for task in (word, *pumps):
                task.cancel()
            await asyncio.gather(word, *pumps, return_exceptions=True)
            os.close(control)
            shell.end()

    async def _pump_out(self, shell: _Shell) -> None:
        while data := await shell.read():
            await self._write(data)

    async def _pump_in(self, shell: _Shell) -> None:
        while True:
            await self._slowly(await self._typed.get(), shell.write)

    async def _slowly(self, data: bytes, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand on what was typed at the line's speed, as much at once as a UART keeps."""
        step = FIFO if self._byte_time else len(data)
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            await asyncio.sleep(len(piece) * self._byte_time)
            await take(piece)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "TERM": self.term,
            "LC_ALL": "C.UTF-8",
            **self.environment,
        }

    # The line

    async def _write(self, data: bytes) -> None:
        """Say something in one piece, as a terminal does with what one program writes at once."""
        async with self._writing:
            await self._wire.write(data)

    async def _say(self, text: str) -> None:
        await self._write(text.replace("\n", "\r\n").encode())
        await asyncio.sleep(PAUSE_S if text.endswith("\n") else 0)

    def _forget_typed(self) -> None:
        self._waiting = ""
        while not self._typed.empty():
            self._typed.get_nowait()

    async def _line(self, prompt: str, *, echo: bool = True) -> str:
        """Ask for a line, as a terminal in its usual mode takes it, and return it."""
        await self._say(prompt)
        line = ""
        while True:
            self._waiting = self._waiting or (await self._typed.get()).decode(errors="replace")
            while self._waiting:
                character, self._waiting = self._waiting[0], self._waiting[1:]
                if character in "\r\n":
                    await self._wire.write(b"\r\n")
                    return line
                if character in "\x03\x15":
                    await self._wire.write(b"\r\n" + prompt.rpartition("\n")[2].encode())
                    line = ""
                elif character in "\b\x7f":
                    line = line[:-1]
                    await self._wire.write(b"\b \b")
                else:
                    line += character
                    if echo:
                        await self._wire.write(character.encode())


class _Shell:
    """A program on a pseudo terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir("/")
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
        os.set_blocking(self._fd, False)

    async def read(self) -> bytes:
        """Return what it says next; nothing once it has ended."""
        await _readable(self._fd)
        try:
            return os.read(self._fd, 4096)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Type something."""
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                await _writable(self._fd)
            except OSError:
                return

    def end(self) -> None:
        """End it."""
        os.close(self._fd)
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    await _ready(fd, loop.add_reader, loop.remove_reader)


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    await _ready(fd, loop.add_writer, loop.remove_writer)


async def _ready(fd: int, add: Callable[..., None], remove: Callable[[int], object]) -> None:
    event = asyncio.Event()
    add(fd, event.set)
    try:
        await event.wait()
    finally:
        remove(fd)


async def _first_line(fd: int) -> str:
    await _readable(fd)
    return os.read(fd, 64).decode().strip()
