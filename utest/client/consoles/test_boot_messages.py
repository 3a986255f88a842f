"""Messages of boots: the quick look misses none of them."""

from __future__ import annotations

import re

import pytest

from JumpstarterLibrary.client.consoles.boot_messages import (
    BANNER,
    FIRMWARE,
    GOING_DOWN,
    KERNEL,
    PANIC,
    RESTART,
    STARTING,
    WORDS,
)
from JumpstarterLibrary.client.consoles.restart_signs import RestartSign, last_sign

MESSAGES = (
    "U-Boot 2024.01 (Jan 08 2024)",
    "U-Boot SPL 2024.01",
    "NOTICE:  BL31: v2.9",
    "U-Boot 1.1.4 (Apr  2 2014)",
    "U-Boot TPL 2021.07",
    "NOTICE:  Booting Trusted Firmware",
    "barebox 2023.05.0 #1",
    "coreboot-4.19 Thu Jan 01 1970 x86_32 bootblock starting (log level: 7)...",
    "coreboot-4.19 romstage starting...",
    "SeaBIOS (version 1.16.2-debian-1.16.2-1)",
    "UEFI firmware (version edk2-stable202211 built at 08:00:00)",
    "BdsDxe: starting Boot0001",
    "GNU GRUB  version 2.06",
    "Welcome to GRUB!",
    "GRUB loading.",
    "iPXE initialising devices...ok",
    "OpenSBI v1.2",
    "RedBoot(tm) bootstrap and debug environment [ROMRAM]",
    "CFE version 1.0.37",
    "DDR Version 1.24 20191016",
    "HELLO! BOOT0 is starting!",
    "GXL:BL1:9ac50e:bb16dc;FEAT:BDFD71BC;",
    "kexec_core: Starting new kernel",
    "sysrq: Resetting",
    "reboot: machine restart",
    "resetting ...",
    "[   12.3] reboot: Restarting system",
    "Rebooting in 5 seconds..",
    "Hit any key to stop autoboot:  3",
    "Press any key to stop autoboot in 3 seconds",
    "Autoboot in 3 seconds",
    "Executing script in 3.000 seconds - enter ^C to abort",
    "Starting kernel ...",
    "[    0.000000] Booting Linux on physical CPU 0x0",
    "Linux version 6.1.0",
    "Kernel panic - not syncing: Attempted to kill init!",
)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_a_boot_passes_the_quick_look(message: str) -> None:
    assert any(pattern.search(message) for pattern in (FIRMWARE, STARTING, KERNEL, PANIC))
    assert any(word in message.lower() for word in WORDS)


@pytest.mark.parametrize(
    "message", ["ets Jul 29 2019 12:21:46", "ESP-ROM:esp32c3-api1", "*** Booting Zephyr OS v3.5 ***"]
)
def test_a_microcontroller_starts(message: str) -> None:
    assert BANNER.search(message)
    assert not STARTING.search(message)
    assert last_sign(message) == RestartSign(message, "firmware", "")


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_a_restart_is_a_sign(message: str) -> None:
    assert (last_sign(f"# \n{message}\nmore\n") is None) is (RESTART.search(message) is None)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_banner_begins_a_stage_of_a_boot(message: str) -> None:
    goes_on = r"reset|Executing|\[   12|Reboot|Hit|Press|Autoboot|Starting|Kernel|kexec|sysrq|reboot"
    assert bool(BANNER.search(message)) is not bool(re.match(goes_on, message))


@pytest.mark.parametrize(
    "message",
    [
        "The system is going down NOW!",
        "The system is going down for reboot NOW!",
        "Sent SIGTERM to all processes",
        "Requesting system reboot",
        "[  OK  ] Reached target reboot.target - System Reboot.",
        "[  OK  ] Stopped target multi-user.target - Multi-User System.",
        "The system will reboot now!",
        "[   12.345678] systemd-shutdown[1]: Syncing filesystems and block devices.",
        "[   12.345678] reboot: Power down",
        "[   12.345678] procd: - shutdown -",
        "INIT: Switching to runlevel: 6",
        "INIT: Sending processes configured via /etc/inittab the TERM signal",
        "Sending SIGKILL to all processes",
        "[   12.345678] reboot: System halted",
        "[   12.345678] sysrq: Power Off",
        "[   12.345678] init: Received sys.powerctl='reboot'",
    ],
)
def test_a_system_goes_down(message: str) -> None:
    assert GOING_DOWN.search(f"# \n{message}\n")
    assert last_sign(f"# \n{message}\nmore\n") == RestartSign(message, "down", "\nmore\n")


@pytest.mark.parametrize(
    "message", ["Linux version 6.1.0 (gcc 12)", "systemd 252", "the system was going down", "U-Boot"]
)
def test_what_a_command_may_print_of_its_system_is_no_restart(message: str) -> None:
    assert not RESTART.search(message)
    assert not GOING_DOWN.search(message)


@pytest.mark.parametrize("login", ["board login: root\n", "board login: [    9.000000] usb 1-1: new device\nroot\n"])
def test_a_login_behind_a_restart_ends_it(login: str) -> None:
    sign = last_sign(f"U-Boot 2024.01 (Jan 08 2024)\n{login}")
    assert sign is not None
    assert sign.over
