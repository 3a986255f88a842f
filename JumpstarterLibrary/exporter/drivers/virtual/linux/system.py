"""The running system that commands work on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from JumpstarterLibrary.exporter.drivers.virtual.hardware import Hardware, PowerDown, Restart
from JumpstarterLibrary.exporter.drivers.virtual.image import Image
from JumpstarterLibrary.exporter.drivers.virtual.linux.files import Files, Special
from JumpstarterLibrary.exporter.drivers.virtual.linux.kernel import VERSION, Kernel, Panic

LINE_LIMIT = 1000
"""Characters that one write to ``/dev/kmsg`` logs."""


@dataclass
class System:
    """Kernel, files and user of one boot.

    Attributes:
        hostname: The machine's name; ``hostname NAME`` changes it.
    """

    hardware: Hardware
    kernel: Kernel
    image: Image
    hostname: str = field(init=False)
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        """Mount the files."""
        self.hostname = self.image.hostname
        home = "/root" if self.privileged else f"/home/{self.user}"
        self.files = Files(self.hardware.medium, home, privileged=self.privileged)
        self.files.install(self._installed())
        self.files.specials.update(self._specials())

    @property
    def user(self) -> str:
        """The account that logs in."""
        return self.image.user

    @property
    def privileged(self) -> bool:
        """Whether that account is root."""
        return self.user == "root"

    def printk_levels(self) -> str:
        """Return what ``/proc/sys/kernel/printk`` holds."""
        return f"{self.kernel.console_level}\t4\t1\t7\n"

    def _installed(self) -> dict[str, str]:
        version = self.image.version
        return {
            "/etc/hostname": f"{self.hostname}\n",
            "/etc/issue": f"Virtual Linux {version} \\n \\l\n",
            "/etc/os-release": f'ID=virtual\nNAME="Virtual Linux"\nVERSION_ID={version}\n'
            f'PRETTY_NAME="Virtual Linux {version}"\n',
            "/etc/passwd": f"{self.user}:x:{0 if self.privileged else 1000}:0::{self.files.home}:/bin/sh\n",
        }

    def _specials(self) -> dict[str, Special]:
        kernel = self.kernel
        return {
            "/dev/kmsg": Special(write=self._log),
            "/proc/cmdline": Special(lambda: f"{kernel.cmdline}\n"),
            "/proc/meminfo": Special(lambda: "MemTotal:        1003520 kB\nMemFree:          941232 kB\n"),
            "/proc/sys/kernel/hostname": Special(lambda: f"{self.hostname}\n"),
            "/proc/sys/kernel/printk": Special(self.printk_levels, self._set_printk_level),
            "/proc/sysrq-trigger": Special(write=self._sysrq),
            "/proc/uptime": Special(lambda: f"{kernel.uptime():.2f} {kernel.uptime() * 3.8:.2f}\n"),
            "/proc/version": Special(lambda: f"{VERSION}\n"),
        }

    def _log(self, text: str) -> None:
        for line in text[:LINE_LIMIT].splitlines():
            self.kernel.printk(line)

    def _set_printk_level(self, text: str) -> None:
        if level := re.match(r"\s*(\d{1,2})\b", text):
            self.kernel.console_level = int(level[1])

    def _sysrq(self, text: str) -> None:
        match text[:1]:
            case "b":
                self.kernel.printk("sysrq: Resetting")
                raise Restart
            case "c":
                self.kernel.printk("sysrq: Trigger a crash")
                raise Panic("sysrq triggered crash", "sh")
            case "o":
                self.kernel.printk("sysrq: Power Off")
                raise PowerDown
            case "s":
                self.kernel.printk("sysrq: Emergency Sync")
                self.files.sync()
            case _:
                self.kernel.printk("sysrq: HELP : reboot(b) crash(c) poweroff(o) sync(s)")
