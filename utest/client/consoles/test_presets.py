"""Failing presets against what systems say when they die, and against what they say while they live."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path

import pytest

from JumpstarterLibrary import JumpstarterLibrary
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern, FailurePatternMonitor
from JumpstarterLibrary.client.consoles.preset_messages.linux import LINUX
from JumpstarterLibrary.client.consoles.presets import PRESETS, describe_presets, preset_patterns
from JumpstarterLibrary.types import FailingPreset

SAMPLES = Path(__file__).parent / "samples"
"""A file for each preset: the name of its pattern, a tab, the project, version and file that print such a line, a tab,
and a line after that format with values of ours. In ``healthy.txt``, just lines."""


def samples(name: str) -> list[tuple[str, str, str]]:
    """Return the names, origins and lines of a preset's file."""
    rows = [line.split("\t") for line in (SAMPLES / f"{name}.tsv").read_text().splitlines()]
    return [(text, origin, line) for text, origin, line in rows]


@cache
def patterns(preset: FailingPreset) -> list[FailingPattern]:
    return preset_patterns(preset)


@cache
def watch(preset: FailingPreset) -> FailurePatternMonitor:
    sentry = FailurePatternMonitor(lambda: 1.0)
    sentry.register(preset.value, patterns(preset))
    return sentry


def caught(preset: FailingPreset, line: str) -> str | None:
    """Return the name of the pattern that catches a line."""
    sentry = watch(preset)
    sentry.restart()
    sentry.incident = None
    text = f"before\n{line}\nbehind\n"
    sentry.hear(text, len(text), 0.0)
    incident = sentry.incident
    if incident is None:
        return None
    assert text[incident.line :].partition("\n")[0] == line
    return incident.pattern.removeprefix(f"{preset.value}: ")


@pytest.mark.parametrize("preset", FailingPreset)
def test_a_dying_system_is_caught(preset: FailingPreset) -> None:
    found = [(caught(preset, line), line) for _, _, line in samples(preset.value)]
    assert found == [(name, line) for name, _, line in samples(preset.value)]


def test_android_catches_what_linux_does() -> None:
    assert [line for name, _, line in samples("linux") if caught(FailingPreset.android, line) != name] == []


@pytest.mark.parametrize("preset", FailingPreset)
def test_every_pattern_has_samples_that_tell_their_origin(preset: FailingPreset) -> None:
    names = {name for name, _, _ in samples(preset.value)}
    names |= {message.name for message in LINUX} if preset is FailingPreset.android else set()
    assert {message.name for message in PRESETS[preset]} == names
    origins = [origin for _, origin, _ in samples(preset.value)]
    assert [origin for origin in origins if not re.match(r"[\w-]+ (?:[\d.]+ \S|ROM)", origin)] == []


@pytest.mark.parametrize("preset", FailingPreset)
def test_every_pattern_needs_a_text(preset: FailingPreset) -> None:
    assert [pattern.name for pattern in patterns(preset) if not pattern.required.texts] == []


@pytest.mark.parametrize("preset", FailingPreset)
def test_a_healthy_system_is_not_caught(preset: FailingPreset) -> None:
    lines = (SAMPLES / "healthy.txt").read_text().splitlines()
    assert [(caught(preset, line), line) for line in lines if caught(preset, line) is not None] == []


def test_no_preset_catches_the_death_of_another_system_beside_it() -> None:
    """What U-Boot says of Linux is Linux's: only those that run at the same time share messages."""
    found = {
        (preset.value, other.value)
        for preset in FailingPreset
        for other in FailingPreset
        for _, _, line in samples(other.value)
        if preset is not other and caught(preset, line)
    }
    assert found == {("android", "linux"), ("linux", "android")} & found


def test_the_manual_has_the_table_of_each_preset() -> None:
    manual = inspect.getdoc(JumpstarterLibrary) or ""
    for preset, messages in describe_presets():
        rows = "\n".join(f"| ``{name}`` | {meaning} |" for name, meaning in messages)
        assert f"\n| ={preset}= | =what it tells= |\n{rows}\n" in manual
    assert "%PRESETS%" not in manual
    assert [preset for preset, _ in describe_presets()] == [preset.value for preset in PRESETS]
    assert {*PRESETS} == {*FailingPreset}


ENDLESS = """
[#1]
] Oops:
]
Tainted: BUG x (
Out of memory (
INFO: task x
E/TC:0 0 [abort]
E/TC:
init: critical process 'x
init: Service '
device-mapper: verity:
A stack overflow in task
 ASSERTION FAIL [
Assertion failed x
EXCEPTION:
: Assertion `x
Assertion 'x
""".strip().split("\n")


@pytest.mark.parametrize("preset", FailingPreset)
def test_a_long_line_without_an_end_is_looked_at_once(preset: FailingPreset) -> None:
    # From each place to the end of the line, this would take minutes.
    assert {text: caught(preset, f"{text} " * (200_000 // len(text))) for text in ENDLESS} == dict.fromkeys(ENDLESS)
