"""Failing presets against what systems say when they die, and against what they say while they live."""

from __future__ import annotations

from pathlib import Path

import pytest

from JumpstarterLibrary.client.consoles.failure_patterns import FailurePatternMonitor
from JumpstarterLibrary.client.consoles.presets import PRESETS, preset_patterns
from JumpstarterLibrary.types import FailingPreset

SAMPLES = Path(__file__).parent / "samples"
"""One line a sample: the text that its preset looks for first, a tab, and the line. In ``healthy.txt``, just lines."""


def samples(name: str) -> list[tuple[str, str]]:
    """Return the texts and lines of a file."""
    lines = (SAMPLES / f"{name}.txt").read_text().splitlines()
    return [(text, line) for text, _, line in (line.partition("\t") for line in lines if line)]


def caught(preset: FailingPreset, line: str) -> str | None:
    """Return the name of the pattern that catches a line."""
    sentry = FailurePatternMonitor(lambda: 1.0)
    sentry.register(preset.value, preset_patterns(preset))
    text = f"before\n{line}\nbehind\n"
    sentry.hear(text, len(text), 0.0)
    incident = sentry.incident
    if incident is None:
        return None
    assert text[incident.line :].partition("\n")[0] == line
    return incident.pattern


CASES = [
    (preset, text, line)
    for name, presets in (
        ("linux", (FailingPreset.linux, FailingPreset.android)),
        ("u-boot", (FailingPreset.u_boot,)),
        ("zephyr", (FailingPreset.zephyr,)),
        ("android", (FailingPreset.android,)),
    )
    for preset in presets
    for text, line in samples(name)
]


@pytest.mark.parametrize(("preset", "text", "line"), CASES, ids=lambda value: str(value)[:60])
def test_a_dying_system_is_caught(preset: FailingPreset, text: str, line: str) -> None:
    assert caught(preset, line) == f"{preset.value}: {text}"


@pytest.mark.parametrize("preset", FailingPreset)
def test_every_pattern_has_a_sample(preset: FailingPreset) -> None:
    seen = {text for other, text, _ in CASES if other is preset}
    assert {needle.strip() for needle, _ in PRESETS[preset]} == seen


@pytest.mark.parametrize("preset", FailingPreset)
@pytest.mark.parametrize("line", (SAMPLES / "healthy.txt").read_text().splitlines())
def test_a_healthy_system_is_not(preset: FailingPreset, line: str) -> None:
    assert caught(preset, line) is None
