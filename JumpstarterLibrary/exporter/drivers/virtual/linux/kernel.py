"""The kernel: its log on the console, its noise, its panics."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from typing import NoReturn

from JumpstarterLibrary.exporter.drivers.virtual.hardware import BOARD_NAME, BoardActivity, Hardware, Restart
from JumpstarterLibrary.exporter.drivers.virtual.image import Image
from JumpstarterLibrary.exporter.drivers.virtual.medium import Side

RELEASE = "6.18.0-virtual"
VERSION = f"Linux version {RELEASE} (build@jumpstarter) (gcc 14.2.0) #1 SMP PREEMPT"
LOG_LIMIT = 2000
EMERGENCY, ERROR, WARNING, INFO = 0, 3, 4, 6

# Board seconds from the kernel's start until each line shows.
BOOT = (
    (0.0, "Booting Linux on physical CPU 0x0000000000 [0x410fd083]"),
    (0.0, VERSION),
    (0.0, f"Machine model: {BOARD_NAME}"),
    (0.0, "Kernel command line: {cmdline}"),
    (0.02, "Memory: 1003520K/1048576K available"),
    (0.05, "smp: Bringing up secondary CPUs ..."),
    (0.11, "smp: Brought up 1 node, 4 CPUs"),
    (0.24, "NET: Registered PF_NETLINK/PF_ROUTE protocol family"),
    (0.41, "1a200000.serial: ttyS0 at MMIO 0x1a200000 (irq = 33, base_baud = 1500000) is a 16550A"),
    (0.42, "printk: console [ttyS0] enabled"),
    (0.66, "virtual-eth 1a000000.ethernet eth0: registered, 02:00:00:00:00:01"),
    (0.83, "mmc0: SDHCI controller on 1a100000.mmc [1a100000.mmc] using ADMA"),
)
ROOT = (
    (0.97, "mmc0: new high speed SDHC card at address b368"),
    (1.02, "mmcblk0: mmc0:b368 VIRT 8.00 GiB"),
    (1.03, " mmcblk0: p1 p2 p3"),
    (1.21, "EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode"),
    (1.24, "VFS: Mounted root (ext4 filesystem) readonly on device 179:2."),
    (1.32, "Freeing unused kernel memory: 2048K"),
    (1.40, "Run /sbin/init as init process"),
)
NO_ROOT = "VFS: Unable to mount root fs on unknown-block(179,2)"
REMOVED = (
    (INFO, "mmc0: card b368 removed"),
    (ERROR, "I/O error, dev mmcblk0, sector 532480 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2"),
    (ERROR, "EXT4-fs error (device mmcblk0p2): ext4_find_entry:1456: inode #2: comm init: reading directory lblock 0"),
)
INSERTED = ((INFO, "mmc0: new high speed SDHC card at address b368"), (INFO, "mmcblk0: mmc0:b368 VIRT 8.00 GiB"))
NOISE = (
    "virtual-eth 1a000000.ethernet eth0: Link is Up - 1Gbps/Full - flow control rx/tx",
    "virtual-adc 1a300000.adc: conversion done, 8 channels",
    "audit: type=1400 audit(0.0:{count}): avc: granted",
    "usb 1-1: new high-speed USB device number {count} using virtual-hcd",
)
TRACE = (
    "CPU: 0 UID: 0 PID: 1 Comm: {comm} Not tainted " + RELEASE + " #1",
    f"Hardware name: {BOARD_NAME} (DT)",
    "Call trace:",
    " dump_backtrace+0x94/0x110",
    " show_stack+0x18/0x24",
    " dump_stack_lvl+0x60/0x80",
    " panic+0x168/0x360",
    "SMP: stopping secondary CPUs",
)


class Panic(Exception):
    """The kernel stops."""

    def __init__(self, reason: str, comm: str = "swapper/0") -> None:
        super().__init__(reason)
        self.reason = reason
        self.comm = comm


class Kernel:
    """One life of the kernel.

    Attributes:
        cmdline: The command line.
        log: The lines that ``dmesg`` prints.
        console_level: Lines of this level or above stay off the console; ``dmesg -n`` sets it.
    """

    def __init__(self, hardware: Hardware, cmdline: str) -> None:
        self.hardware = hardware
        self.cmdline = cmdline
        self.log: deque[str] = deque(maxlen=LOG_LIMIT)
        self.console_level = 7
        self._start = self._last_noise = hardware.clock.now()
        self._noise = (text.format(count=count) for count in itertools.count(1) for text in NOISE)

    def uptime(self) -> float:
        """Return board seconds since the kernel started."""
        return self.hardware.clock.now() - self._start

    def printk(self, text: str, level: int = INFO) -> None:
        """Log a line, and print it wherever the cursor is."""
        self.hardware.wire.put(self._logged(text, level))

    async def say(self, text: str, level: int = INFO) -> None:
        """Log a line, and print it at the console's pace."""
        await self.hardware.wire.write(self._logged(text, level))

    async def boot(self, image: Image) -> None:
        """Print the boot log.

        Raises:
            Panic: The root file system is not there, or the image asks for it.
        """
        await self._timed(BOOT)
        if self.hardware.medium.side is not Side.BOARD:
            raise Panic(NO_ROOT)
        await self._timed(ROOT)
        for text in image.log:
            await self.hardware.clock.sleep(0.05)
            await self.say(text)
        if image.panic:
            raise Panic(image.panic)

    async def panic(self, reason: str, comm: str) -> NoReturn:
        """Print the trace, then hang, or restart as ``panic=`` on the command line says."""
        await self.say(f"Kernel panic - not syncing: {reason}", EMERGENCY)
        for text in TRACE:
            await self.say(text.format(comm=comm), EMERGENCY)
        self.hardware.state = BoardActivity.HUNG
        seconds = self.panic_timeout()
        if seconds:
            await self.say(f"Rebooting in {seconds} seconds..", EMERGENCY)
            await self.hardware.clock.sleep(seconds)
            raise Restart
        await self.say(f"---[ end Kernel panic - not syncing: {reason} ]---", EMERGENCY)
        await asyncio.Event().wait()
        raise AssertionError("nothing sets this event")

    def panic_timeout(self) -> int:
        """Return the seconds from a panic to the restart; 0 if it hangs."""
        values = [word.partition("=")[2] for word in self.cmdline.split() if word.startswith("panic=")]
        return int(values[-1]) if values and re.fullmatch(r"[0-9]{1,9}", values[-1]) else 0

    def medium_changed(self) -> None:
        """Notice that the medium came or went."""
        for level, text in INSERTED if self.hardware.medium.side is Side.BOARD else REMOVED:
            self.printk(text, level)

    async def chatter(self) -> NoReturn:
        """Print unsolicited lines at the configured interval."""
        interval = self.hardware.settings.noise
        while True:
            await self.hardware.clock.sleep_until(self._last_noise + interval)
            if self.hardware.clock.now() - self._last_noise < 0.9 * interval:
                continue  # meanwhile a line broke into what a program printed
            self._last_noise = self.hardware.clock.now()
            self.printk(next(self._noise))
            await self.hardware.wire.pace()

    def interruption(self) -> bytes:
        """Return the line that breaks into what a program prints just now; empty for none."""
        now = self.hardware.clock.now()
        if now - self._last_noise < self.hardware.settings.noise / 2:
            return b""
        self._last_noise = now
        return self._logged(next(self._noise), INFO)

    async def _timed(self, lines: tuple[tuple[float, str], ...]) -> None:
        for moment, text in lines:
            await self.hardware.clock.sleep_until(self._start + moment)
            await self.hardware.wire.write(self._logged(text.replace("{cmdline}", self.cmdline), INFO, at=moment))

    def _logged(self, text: str, level: int, at: float | None = None) -> bytes:
        # Before the kernel has set up its timer, lines carry the time 0.
        line = f"[{0.0 if at == 0.0 else self.uptime():12.6f}] {text}"
        self.log.append(line)
        return f"{line}\r\n".encode() if level < self.console_level else b""
