"""The phases of a boot, however its output is cut in pieces."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.boot_phases import LINE_LIMIT, BootPhases
from JumpstarterLibrary.client.events import BootPhaseReached, Event, Events

BOOT = (
    "U-Boot 2026.01 (Jan 05 2026)\n\nDRAM:  1 GiB\nHit any key to stop autoboot:  3 \b\b\b 0\n=> bootm\n"
    "Starting kernel ...\n\n[    0.000000] Booting Linux on physical CPU 0x0\n[    1.500000] systemd[1]: Started.\n\n"
    "board login: "
)

PHASES = ["firmware", "countdown", "kernel", "login"]


def _watch() -> tuple[BootPhases, list[Event]]:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append)
    return BootPhases("console", events, lambda line: line.replace("board", "********")), seen


def _phases(seen: list[Event]) -> list[str]:
    return [event.phase for event in seen if isinstance(event, BootPhaseReached)]


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_a_boot(size: int) -> None:
    phases, seen = _watch()
    for start in range(0, len(BOOT), size):
        phases.feed(BOOT[start : start + size])
    assert _phases(seen) == PHASES
    (*_, login) = seen
    assert isinstance(login, BootPhaseReached)
    assert (login.console, login.line) == ("console", "******** login:")


def test_a_second_boot_after_a_panic() -> None:
    phases, seen = _watch()
    phases.feed(BOOT)
    phases.feed("root\nPassword: \n# echo c > /proc/sysrq-trigger\n")
    phases.feed("[   20.000000] Kernel panic - not syncing: sysrq triggered crash\n")
    phases.feed(BOOT)
    assert _phases(seen) == [*PHASES, "panic", *PHASES]


def test_what_is_no_boot() -> None:
    phases, seen = _watch()
    phases.feed("root@device:~# cat notes\nreset the counter, then press on\nthe boot was nice\n")
    assert _phases(seen) == []


def test_a_line_without_an_end_is_bounded() -> None:
    phases, seen = _watch()
    for _ in range(100):
        phases.feed("x" * 1000)
    assert len(phases._tail) == LINE_LIMIT
    assert _phases(seen) == []


def test_without_a_subscriber_nothing_is_looked_for() -> None:
    phases = BootPhases("console", Events())
    phases.feed(BOOT)
    assert phases._tail == ""
