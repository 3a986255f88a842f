"""Restarts during a wait: those that nothing has ordered end it, the stages of one boot and what a test did do not."""

from __future__ import annotations

from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles.keyboard import TypingOptions, type_text
from JumpstarterLibrary.errors import ConsoleMismatch
from JumpstarterLibrary.types import Echo
from utest.client.serial_port import Port

pytestmark = pytest.mark.usefixtures("skipping")

FIRMWARE = (
    "\nU-Boot SPL 2026.01 (Jan 05 2026)\nTrying to boot from MMC1\nNOTICE:  BL31: v2.9(release)\n"
    "\nU-Boot 2026.01 (Jan 05 2026)\n\nHit any key to stop autoboot:  0 \n"
)
KERNEL = "Starting kernel ...\n\n[    0.000000] Booting Linux on physical CPU 0x0\n[    0.000000] Linux version 6.12\n"
BOOT = f"{FIRMWARE}{KERNEL}[    1.000000] systemd[1]: started\n"
PANIC = "[   20.000000] Kernel panic - not syncing: Fatal exception\n[   20.100000] Rebooting in 5 seconds..\n"
SHELL = "\nboard login: root\nPassword: \nroot@board:~# "
WANTED = "the measurement is over"


def after(port: Port, console: Console, before: str, eventually: Any) -> None:
    """Let a board say something before the wait."""
    port.say(before.encode())
    eventually(lambda: console.text(0).endswith(before))
    console.cursor = console.end


def enters(console: Console, line: str) -> None:
    """Type a line that is echoed."""
    type_text(console, line, TypingOptions(echo=Echo.no))


@pytest.mark.parametrize(
    ("before", "restart", "line"),
    [
        (BOOT + SHELL, BOOT, "U-Boot SPL 2026.01 (Jan 05 2026)"),
        (BOOT + SHELL, KERNEL.partition("\n\n")[2], "[    0.000000] Booting Linux on physical CPU 0x0"),
        (BOOT + "\nboard login: ", BOOT, "U-Boot SPL 2026.01 (Jan 05 2026)"),
        (SHELL, f"[  100.000000] reboot: Restarting system\n{BOOT}", "[  100.000000] reboot: Restarting system"),
        (BOOT + SHELL, PANIC + BOOT, "[   20.100000] Rebooting in 5 seconds.."),
        (BOOT, PANIC + BOOT, "[   20.100000] Rebooting in 5 seconds.."),
        (f"{BOOT}{SHELL}\n\nJMP0123abcdE:0:\n# ", FIRMWARE, "U-Boot SPL 2026.01 (Jan 05 2026)"),
    ],
)
def test_a_restart_that_nothing_has_ordered_ends_a_wait(
    console: Console, port: Port, skipping: MovableClock, before: str, restart: str, line: str, eventually: Any
) -> None:
    after(port, console, before, eventually)
    skipping.call_later(1.0, lambda: port.say(f"{restart}{SHELL}{WANTED}\n".encode()))
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for(WANTED, 60)
    assert str(caught.value) == (
        f"The board on console 'console' restarted while '{WANTED}' was awaited, which was not ordered: it said "
        f"'{line}'. Where that is meant, say so with expect_restart=True."
    )
    assert skipping.seconds() < 2
    assert console.wait_for(WANTED, 60, since=0).text == WANTED


@pytest.mark.parametrize("text", ["", f"{'İstanbul ' * 20}\n" * 50], ids=["ascii", "letters that grow"])
@pytest.mark.parametrize("whole", [True, False], ids=["at once", "in pieces"])
def test_a_system_that_comes_up_during_the_wait_and_restarts(
    console: Console, port: Port, whole: bool, text: str, eventually: Any
) -> None:
    said = f"{BOOT}{text}{SHELL}{text}", f"{BOOT}{SHELL}{WANTED}\n"
    port.say(*(each.encode() for each in (["".join(said)] if whole else said)))
    with pytest.raises(ConsoleMismatch, match=r"^The board .* it said 'U-Boot SPL 2026.01 \(Jan 05 2026\)'\. "):
        console.wait_for(WANTED, 60)


def test_a_restart_between_two_waits_ends_the_next(console: Console, port: Port, eventually: Any) -> None:
    after(port, console, BOOT + SHELL, eventually)
    port.say(f"{BOOT}{SHELL}{WANTED}\n".encode())
    eventually(lambda: console.text(0).endswith(f"{WANTED}\n"))
    with pytest.raises(ConsoleMismatch, match=r"^The board on console 'console' restarted while '.*' or 'never' was "):
        console.wait_for_any([WANTED, "never"], 0)
    with pytest.raises(ConsoleMismatch, match=r"^The board on console 'console' restarted while "):
        console.wait_for_all([WANTED], 60)
    assert console.wait_for(WANTED, 0, expect_restart=True).text == WANTED


@pytest.mark.parametrize("wanted", ["U-Boot SPL 2026", "regexp:U-Boot.*", "BL31", "login:", WANTED])
@pytest.mark.parametrize(
    "before", ["", FIRMWARE, BOOT, f"{FIRMWARE}=> "], ids=["silent", "firmware", "kernel", "prompt"]
)
def test_the_stages_of_a_boot_are_no_restart(
    console: Console, port: Port, before: str, wanted: str, eventually: Any
) -> None:
    after(port, console, before, eventually)
    port.say(f"{FIRMWARE}".encode(), f"{KERNEL}{SHELL}{WANTED}\n".encode())
    assert console.wait_for(wanted, 60)


@pytest.mark.parametrize("order", ["reboot", "echo b > /proc/sysrq-trigger", "systemctl restart board", "init 6"])
def test_a_restart_that_was_typed_is_meant(console: Console, port: Port, order: str, eventually: Any) -> None:
    after(port, console, BOOT + SHELL, eventually)
    enters(console, order)
    port.say(f"{order}\n[   99.0] reboot: Restarting system\n{BOOT}{SHELL}{WANTED}\n".encode())
    assert console.wait_for(WANTED, 60).text == WANTED


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("reboot", ""),
        ("reboot", "\nBroadcast message from root@board:\n\nboard login: "),
        ("shutdown -r +1", "Shutdown scheduled for 12:00, use 'shutdown -c' to cancel.\n"),
        ("echo 1 > /dev/watchdog", ""),
        ("jailhouse cell start 1", "Started cell\n"),
    ],
    ids=["reboot", "login", "shutdown", "watchdog", "cell"],
)
def test_a_restart_may_follow_the_next_prompt(
    console: Console, port: Port, order: str, answer: str, eventually: Any
) -> None:
    after(port, console, BOOT + SHELL, eventually)
    enters(console, order)
    down = "[   99.0] reboot: Restarting system\n"
    port.say(f"{order}\n{answer}\nroot@board:~# \n{down}{BOOT}{SHELL}{WANTED}\n".encode())
    assert console.wait_for(WANTED, 60).text == WANTED
    port.say(f"{down}{BOOT}{SHELL}{WANTED}\n".encode())
    with pytest.raises(ConsoleMismatch, match=r"^The board on console 'console' restarted while "):
        console.wait_for(WANTED, 60)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (
            "dmesg -w &",
            "[1] 123\nroot@board:~# [    0.000000] Booting Linux\n[    0.000000] Linux version 6.12\n",
        ),
        ("(sleep 1; cat boot.log) & true", f"root@board:~# \n{BOOT}"),
        ("tail -f /var/log/messages", "Jan  1 00:00:00 board kernel: [   99.0] reboot: Restarting system\n"),
        ("./versions.sh", "U-Boot 2024.01 (Jan 01 2024 - 00:00:00)\n"),
        ("more boot.log", f"{BOOT}--More--"),
        ("cat /dev/ttyUSB0", f"{BOOT}\nother login: "),
    ],
)
def test_what_a_command_still_prints_is_no_restart(
    console: Console, port: Port, skipping: MovableClock, command: str, printed: str, eventually: Any
) -> None:
    after(port, console, BOOT + SHELL, eventually)
    enters(console, command)
    port.say(f"{command}\n{printed}".encode())
    skipping.call_later(20.0, lambda: port.say(f"{WANTED}\n".encode()))
    assert console.wait_for(WANTED, 60).text == WANTED


@pytest.mark.parametrize(
    "line",
    [
        "Broadcast message from root@board: Restarting system services",
        "[  120.0] systemd[1]: Restarting system log",
        "app: Rebooting in 5 minutes",
    ],
)
def test_a_line_about_something_else_is_no_restart(console: Console, port: Port, line: str, eventually: Any) -> None:
    after(port, console, BOOT + SHELL, eventually)
    port.say(f"\n{line}\n{WANTED}\n".encode())
    assert console.wait_for(WANTED, 60).text == WANTED


def test_a_restart_that_a_driver_makes_is_meant(device: Device, console: Console, port: Port, eventually: Any) -> None:
    after(port, console, BOOT + SHELL, eventually)
    device.client.power.cycle()
    port.say(f"{BOOT}{SHELL}{WANTED}\n".encode())
    assert console.wait_for(WANTED, 60).text == WANTED
    port.say(f"{BOOT}{SHELL}{WANTED}\n".encode())
    with pytest.raises(ConsoleMismatch, match=r"^The board on console 'console' restarted while "):
        console.wait_for(WANTED, 60)


@pytest.mark.parametrize(
    "log", [BOOT, KERNEL, f"{BOOT}{PANIC}", f"{KERNEL}{PANIC}"], ids=["boot", "kernel", "panic", "dmesg"]
)
def test_a_log_that_a_command_prints_is_no_restart(
    console: Console, port: Port, skipping: MovableClock, log: str, eventually: Any
) -> None:
    after(port, console, BOOT + SHELL, eventually)
    enters(console, "cat old.log")
    port.say(f"cat old.log\n{log}root@board:~# ".encode())
    skipping.call_later(20.0, lambda: port.say(f"{WANTED}\n".encode()))
    assert console.wait_for(WANTED, 60).text == WANTED


def test_a_restart_under_a_command_is_told_once_it_is_certain(
    console: Console, port: Port, skipping: MovableClock, eventually: Any
) -> None:
    after(port, console, BOOT + SHELL, eventually)
    enters(console, "measure")
    port.say(f"measure\n{FIRMWARE}".encode())
    skipping.call_later(0.5, lambda: port.say(f"{KERNEL}\nboard login: ".encode()))
    with pytest.raises(ConsoleMismatch, match=r"which was not ordered: it said 'U-Boot SPL 2026\.01 "):
        console.wait_for(WANTED, 60)
    assert skipping.seconds() < 3


def test_what_was_awaited_before_is_over(console: Console, port: Port, eventually: Any) -> None:
    after(port, console, BOOT + SHELL, eventually)
    port.say(f"{PANIC}{BOOT}{SHELL}{WANTED}\n".encode())
    console.wait_for("Rebooting in 5", 60)
    assert console.wait_for(WANTED, 60).text == WANTED
