"""Messages of boots: the quick look misses none of them."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.boot_messages import BANNER, FIRMWARE, KERNEL, PANIC, STARTING, WORDS

MESSAGES = (
    "U-Boot 2024.01 (Jan 08 2024)",
    "U-Boot SPL 2024.01",
    "NOTICE:  BL31: v2.9",
    "resetting ...",
    "[   12.3] reboot: Restarting system",
    "Rebooting in 5 seconds..",
    "Hit any key to stop autoboot:  3",
    "Press any key to stop autoboot in 3 seconds",
    "Autoboot in 3 seconds",
    "Starting kernel ...",
    "[    0.000000] Booting Linux on physical CPU 0x0",
    "Linux version 6.1.0",
    "Kernel panic - not syncing: Attempted to kill init!",
)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_a_boot_passes_the_quick_look(message: str) -> None:
    assert any(pattern.search(message) for pattern in (FIRMWARE, STARTING, KERNEL, PANIC))
    assert any(word in message.lower() for word in WORDS)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_banner_begins_a_stage_of_a_boot(message: str) -> None:
    begins = message.startswith(("U-Boot", "NOTICE", "[    0.000000]", "Linux version"))
    assert bool(BANNER.search(message)) is begins
