"""Presets of failing patterns: what systems say on their console when they die, or do not start."""

from __future__ import annotations

import re

from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.client.consoles.preset_messages.android import ANDROID
from JumpstarterLibrary.client.consoles.preset_messages.firmware import FIRMWARE
from JumpstarterLibrary.client.consoles.preset_messages.linux import LINUX, OOM
from JumpstarterLibrary.client.consoles.preset_messages.message import FailingMessage
from JumpstarterLibrary.client.consoles.preset_messages.microcontrollers import ESP_IDF, NUTTX, ZEPHYR
from JumpstarterLibrary.client.consoles.preset_messages.u_boot import U_BOOT
from JumpstarterLibrary.client.consoles.preset_messages.xen import XEN
from JumpstarterLibrary.types import FailingPreset

PRESETS: dict[FailingPreset, tuple[FailingMessage, ...]] = {
    FailingPreset.linux: LINUX,
    FailingPreset.oom: OOM,
    FailingPreset.u_boot: U_BOOT,
    FailingPreset.firmware: FIRMWARE,
    FailingPreset.zephyr: ZEPHYR,
    FailingPreset.android: ANDROID,
    FailingPreset.esp_idf: ESP_IDF,
    FailingPreset.nuttx: NUTTX,
    FailingPreset.xen: XEN,
}


_UNIMPORTANT = str.maketrans("", "", " -_")
"""Characters that names of presets are compared without, as Robot Framework does it."""


def preset_patterns(preset: FailingPreset) -> list[FailingPattern]:
    """Return the failing patterns of a preset."""
    return [
        FailingPattern(
            f"{preset.value}: {message.name}", re.compile(message.expression, re.MULTILINE), message.meant_by
        )
        for message in PRESETS[preset]
    ]


def preset_name(text: str) -> str:
    """Return the name of the preset that a text names; the text itself if it names none."""
    plain = text.lower().translate(_UNIMPORTANT)
    return next((each.value for each in FailingPreset if each.value.translate(_UNIMPORTANT) == plain), text)


def named_patterns(text: str) -> tuple[str, list[FailingPattern]]:
    """Return the name by which failing patterns are taken back, and the patterns, for a preset's name or a pattern.

    Raises:
        UsageError: It cannot be a pattern.
    """
    name = preset_name(text)
    preset = next((each for each in FailingPreset if each.value == name), None)
    return (name, [FailingPattern.of(text)] if preset is None else preset_patterns(preset))


def describe_presets() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the presets for the manual: each by its name, with the names of its patterns and what they tell.

    The patterns of Linux that are Android's, too, are told once.
    """
    return [
        (
            preset.value,
            [
                (message.name, message.meaning)
                for message in messages
                if preset is not FailingPreset.android or message not in LINUX
            ],
        )
        for preset, messages in PRESETS.items()
    ]
