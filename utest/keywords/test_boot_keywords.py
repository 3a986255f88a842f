"""The manual of the boot keywords says what the files take. What they do is in atest/17 to 20."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest

from JumpstarterLibrary.client import Timing
from JumpstarterLibrary.client.boot import actions, files
from JumpstarterLibrary.client.boot.context import BootSettings
from JumpstarterLibrary.errors import CommandFailed
from JumpstarterLibrary.keywords.boot import BootKeywords
from JumpstarterLibrary.keywords.states import StateKeywords
from JumpstarterLibrary.types import CommandResult


def manual() -> str:
    return str(inspect.getdoc(StateKeywords.load_device_states))


def test_every_action_is_in_the_manual() -> None:
    told = set(re.findall(r"^\| ``(\w+):", manual(), re.MULTILINE))
    assert told == set(actions._MAKERS)


def test_every_setting_is_in_the_manual() -> None:
    settings = manual().partition("settings:")[2].partition("timing:")[0]
    told = set(re.findall(r"^\| +(\w+):", settings, re.MULTILINE))
    assert told == {*files._SETTINGS, *files._INTERRUPTION}


def test_the_timing_in_the_manual_can_be_used() -> None:
    example = manual().partition("timing:")[2].partition("\n|  states:")[0]
    timing = Timing.of(dict(re.findall(r"^\| +(\w+): +(.*)$", example, re.MULTILINE)))
    assert (timing.boot_timeout, timing.echo_timeout) == (600.0, 2.0)


def test_every_key_of_a_state_is_in_the_manual() -> None:
    states = manual().partition("recovery:")[2].partition("The actions:")[0]
    told = set(re.findall(r"^\| {6}(\w+):", states, re.MULTILINE))
    assert told <= set(files._STATE)
    assert told >= {"detect", "nudge", "timeout", "enter"}


def test_settings_can_be_made_of_a_file() -> None:
    names = {files._FIELDS.get(name, name) for name in files._SETTINGS}
    assert names <= {field.name for field in fields(BootSettings)}


class OldUBoot:
    """U-Boot that does not tell the status of a command."""

    def run(self, command: str, _timeout: object) -> CommandResult:
        return CommandResult(command, "U-Boot 1.1.4", None, 0.1)


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> BootKeywords:
    keywords = BootKeywords.__new__(BootKeywords)
    monkeypatch.setattr(keywords, "_uboot", lambda *_: OldUBoot())
    return keywords


@pytest.mark.parametrize("given", [{}, {"expect_status": "any"}, {"expect_status": None}], ids=str)
def test_a_status_that_is_not_told_and_was_not_asked_for(old: BootKeywords, given: dict[str, Any]) -> None:
    assert old.run_uboot_command("version", **given).stdout == "U-Boot 1.1.4"


@pytest.mark.parametrize("status", [0, "0", "!1"])
def test_a_status_that_is_not_told_and_was_asked_for(old: BootKeywords, status: Any) -> None:
    with pytest.raises(CommandFailed) as caught:
        old.run_uboot_command("version", expect_status=status)
    assert str(caught.value) == (
        "U-Boot does not tell the status of command 'version': its shell does not know '$?', for which it is built "
        "with CONFIG_HUSH_PARSER. Ask for no status, and check the output. It printed:\n  U-Boot 1.1.4"
    )
