"""Profiles: which one a board gets from a file, what it changes, and what is told of a file that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device
from JumpstarterLibrary.client.boot.files import check_profiles
from JumpstarterLibrary.client.boot.profiles import apply_profile
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.errors import AmbiguousDriver, ConfigurationError
from JumpstarterLibrary.exporter.drivers.power import MockPower
from utest.client.serial_port import Port

FIVE = """
settings: {user: admin, off_time: 1 s}
failing_patterns: [linux]
states:
  service: {detect: "service#"}
profiles:
  rpi4:
    match: board=rpi4
    settings: {prompt: "U-Boot>"}
  imx8:
    match: board in (imx8mm, imx8mp), lab=berlin
    settings: {prompt: "u-boot=>", user: root}
    timing: {boot_timeout: 10 min}
  router:
    exporter: "router-*"
    settings: {prompt: "ath>", line_end: cr}
    failing_patterns: ["regexp:^FATAL"]
  beagle:
    match: board=beagle
    exporter: "lab1-*"
    states:
      service: {detect: "rescue#"}
      dfu: {detect: "DFU>"}
  others: {}
"""

pytestmark = pytest.mark.usefixtures("skipping")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "boards.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("labels", "exporter", "name", "why"),
    [
        ({"board": "rpi4"}, "x", "rpi4", "has labels that match 'board=rpi4'"),
        ({"board": "imx8mp", "lab": "berlin"}, "x", "imx8", None),
        ({"board": "imx8mp"}, "x", "others", "fits no other profile"),
        ({}, "router-7", "router", "has a name that matches 'router-*'"),
        (
            {"board": "beagle"},
            "lab1-3",
            "beagle",
            "has labels that match 'board=beagle' and a name that matches 'lab1-*'",
        ),
        ({"board": "beagle"}, "lab2-3", "others", "fits no other profile"),
    ],
)
def test_the_profile_is_chosen_by_labels_and_name(
    device: Device, file: Any, labels: dict[str, str], exporter: str, name: str, why: str | None
) -> None:
    device.labels, device.exporter = labels, exporter
    chosen = apply_profile(device, file(FIVE))
    assert chosen is not None
    assert device.profile is chosen
    assert chosen.name == name
    assert why in (None, chosen.why)


def test_a_profile_changes_what_is_said_for_all_boards(device: Device, file: Any) -> None:
    device.labels = {"board": "imx8mm", "lab": "berlin"}
    apply_profile(device, file(FIVE))
    states, console = states_of(device), device.console()
    assert (states.settings.user, states.settings.prompt, states.settings.off_time) == ("root", "u-boot=>", 1.0)
    assert console.prompts.boot_loader == "u-boot=>"
    assert console.timing.boot_timeout == 600.0
    assert console.failing() == ["linux"]
    assert "service" in states.names


def test_line_ends_and_failing_patterns_of_a_profile(device: Device, file: Any) -> None:
    device.exporter = "router-1"
    apply_profile(device, file(FIVE))
    assert device.console().line_end == b"\r"
    assert device.console().failing() == ["linux", "regexp:^FATAL"]


def test_states_of_a_profile_take_the_place_of_those_for_all(
    device: Device, port: Port, file: Any, eventually: Any
) -> None:
    device.labels, device.exporter = {"board": "beagle"}, "lab1-1"
    assert states_of(device).load(file(FIVE)) == ["service", "dfu"]
    detect = {state.name: state.detect for state in states_of(device)._all_states()}
    assert str(detect["service"]) == str(__import__("re").compile("rescue\\# *$"))


def test_a_file_without_profiles_is_for_every_board(device: Device, file: Any) -> None:
    assert apply_profile(device, file("settings: {prompt: 'board>'}")) is None
    assert (device.profile, device.console().prompts.boot_loader) == (None, "board>")


def test_a_device_without_a_console_may_have_a_timing(device_with: Any, file: Any) -> None:
    device = device_with({"power": MockPower()})
    apply_profile(device, file("timing: {power_off_time: 5 s}\nprofiles: {a: {timing: {boot_timeout: 1 s}}}"))
    assert (device.timing.power_off_time, device.timing.boot_timeout) == (5.0, 1.0)


def test_a_profile_says_which_console_is_the_boards(device_with: Any, file: Any) -> None:
    left, right = Port(), Port()
    device = device_with({"left": left, "right": right})
    with pytest.raises(AmbiguousDriver):
        apply_profile(device, file("profiles: {a: {settings: {prompt: 'x>'}}}"))
    apply_profile(device, file("profiles: {a: {driver: right, settings: {prompt: 'x>'}}}"))
    right.watch(device.console("right"))
    assert device.console("right").prompts.boot_loader == "x>"


@pytest.mark.parametrize(
    ("labels", "text", "problem"),
    [
        (
            {"a": "1"},
            "profiles: {x: {match: a=1}, y: {exporter: '*'}}",
            "profiles: several are for exporter 'board' with the labels a=1: 'x' (labels that match 'a=1') and 'y' (a "
            "name that matches '*').",
        ),
        (
            {},
            "profiles: {x: {match: a=1}, y: {match: b}}",
            "profiles: none is for exporter 'board' with the labels none. There are: 'x' (labels that match 'a=1'), "
            "'y' (labels that match 'b'). One without match and exporter would be for all others.",
        ),
    ],
)
def test_none_or_several_are_told(device: Device, file: Any, labels: Any, text: str, problem: str) -> None:
    device.labels, device.exporter = labels, "board"
    path = file(text)
    with pytest.raises(ConfigurationError) as caught:
        apply_profile(device, path)
    assert str(caught.value) == f"The states file '{path}', line 1: {problem}"
    assert device.profile is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("profiles: {x: {mach: a=1}}", "profiles.x.mach: there is no such key. Known: match, exporter, driver, "),
        ("profiles: {x: {match: 'a=='}}", "profiles.x.match: "),
        ("profiles: {x: {match: ''}}", "profiles.x.match: a text is needed, not an empty one."),
        (
            "profiles: {x: {}, y: {}}",
            "profiles.y: 'x' is for all other boards, too. Give one of them match or ",
        ),
        ("profiles: {}", "profiles: there are none."),
        ("profiles: {x: {settings: {promt: '>'}}}", "profiles.x.settings.promt: there is no such key. Known: "),
        ("profiles: {x: {settings: {line_end: nl}}}", "profiles.x.settings.line_end: it must be one of lf, cr, crlf, "),
        ("profiles: {x: {timing: {boot_timeout: soon}}}", "profiles.x.timing.boot_timeout: it must be "),
        ("profiles: {x: {failing_patterns: ['regexp:(']}}", "profiles.x.failing_patterns[0]: '(' is not a valid "),
        ("profiles: {x: {states: {dfu: {enter: {}}, a: {detect: b, enter: {c: [type: d]}}}}}", "profiles.x.states.a."),
        ("failing_patterns: linux", "failing_patterns: a list is needed, not "),
    ],
)
def test_a_mistake_in_any_profile_is_told_at_once(file: Any, text: str, problem: str) -> None:
    path = file(text)
    with pytest.raises(ConfigurationError) as caught:
        check_profiles(path)
    assert str(caught.value).startswith(f"The states file '{path}', line 1: {problem}")
