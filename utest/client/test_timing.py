"""Timing: what users may give, what they are told, and which of several counts."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Device, DirectConnection, Timing
from JumpstarterLibrary.client.boot.states import states_of
from JumpstarterLibrary.client.timing import describe_timing
from JumpstarterLibrary.errors import ConfigurationError, OperationTimeout
from JumpstarterLibrary.library import JumpstarterLibrary

FIELDS = [field.name for field in dataclasses.fields(Timing)]
KNOWN = ", ".join(sorted(FIELDS))


@pytest.mark.parametrize(
    "source",
    [
        Timing(login_timeout=300.0, echo_timeout=2.0),
        {"login_timeout": "5 min", "echo_timeout": 2},
        {"login_timeout": timedelta(minutes=5), "echo_timeout": "2"},
        "login_timeout=5 min, echo_timeout=2 s",
        "\n  login_timeout = 5m\n  echo_timeout = 2000 ms\n",
        "Login Timeout=300, echo-timeout=2,",
    ],
)
def test_what_may_be_given(source: Any) -> None:
    timing = Timing.of(source)
    assert (timing.login_timeout, timing.echo_timeout) == (300.0, 2.0)
    assert dataclasses.replace(timing, login_timeout=120.0, echo_timeout=0.5) == Timing()


def test_fields_that_are_not_given_stay_as_they_are() -> None:
    base = Timing(boot_timeout=7.0, login_timeout=8.0)
    assert Timing.of("login_timeout=9", base) == Timing(boot_timeout=7.0, login_timeout=9.0)
    assert Timing.of(None, base) == Timing.of("", base) == base
    assert Timing.of(Timing(), base) == Timing()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("logn_timeout=5", f"A timing has no 'logn_timeout'. Did you mean 'login_timeout'? It has: {KNOWN}."),
        ({5: 5}, f"A timing has no '5'. It has: {KNOWN}."),
        (
            "login_timeout",
            "The timing 'login_timeout' has no value. Give one such as login_timeout=5 min, echo_timeout=2 s.",
        ),
        ("login_timeout=1, login-timeout=2", "The timing gives 'login_timeout' twice. Leave one of the two out."),
        (5, "A timing is a mapping, or a text such as 'login_timeout=5 min, echo_timeout=2 s', not 5."),
    ],
)
def test_what_cannot_be_is_told(source: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Timing.of(source)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((text, repr(text)) for text in ("soon", "", "366 days")),
        *((number, f"{number:g}") for number in (-1, float("nan"), float("inf"))),
        (True, "true or false"),
        (None, "nothing"),
    ],
)
def test_a_value_that_is_no_length_of_time_is_told(value: Any, found: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Timing(login_timeout=value)
    assert str(caught.value) == (
        f"The timing 'login_timeout' must be a length of time from 0 seconds to 365 days, such as 90 (seconds), "
        f"'500 ms', '1h30m' or 'PT1H30M', not {found}."
    )


def test_the_power_off_time_may_be_left_to_the_board() -> None:
    assert Timing.of({"power_off_time": None}, Timing(power_off_time=3.0)) == Timing()


def test_a_board_may_have_a_timing_of_its_own(bench: Device) -> None:
    board, other = bench.driver("board.power"), bench.driver("flasher")
    assert bench.timing_of(board) is bench.timing
    for seconds in (3.0, 4.0):
        bench.set_timing(Timing(power_off_time=seconds), board, bench.driver("board.console"))
    assert bench.console("board.console").timing == bench.timing_of(board) == Timing(power_off_time=4.0)
    assert bench.timing_of(bench.driver("switch")) == Timing(power_off_time=4.0)  # another name of it
    assert bench.timing_of(other) is bench.timing
    for node in bench.root.walk():  # as an exporter has them that was started anew
        node.uuid = f"new-{node.uuid}"
    assert bench.timing_of(board) == Timing(power_off_time=4.0)


def test_the_device_has_what_it_was_connected_with(odd_exporter: Callable[..., str], over: Any) -> None:
    connection = DirectConnection.from_arguments(odd_exporter(), environ={})
    with Device.connect(connection, timing=Timing(boot_timeout=9.0)) as device:
        assert device.timing == Timing(boot_timeout=9.0)
        assert device.timing_of(device.client) == Timing(boot_timeout=9.0)


def test_an_exporter_that_does_not_answer(odd_exporter: Callable[..., str], over: Any) -> None:
    host = odd_exporter(get_report=lambda *_: over.wait(10))
    connection = DirectConnection.from_arguments(host, environ={})
    with pytest.raises(OperationTimeout, match=r" did not answer within 200 milliseconds\. "):
        Device.connect(connection, timing=Timing(connect_timeout=0.2))


def test_the_librarys_manual_has_each_field() -> None:
    manual = inspect.getdoc(JumpstarterLibrary) or ""
    for name, default, meaning, longer_for in describe_timing():
        assert f"\n| {name} | {default} | {meaning} | {longer_for} |\n" in manual
    assert "%TIMING%" not in manual
    assert [row[0] for row in describe_timing()] == FIELDS


def test_the_page_of_slow_boards_has_each_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "timing.md").read_text()
    rows = [(f"`{name}`", *(text.replace("``", "`") for text in row)) for name, *row in describe_timing()]
    assert "\n".join(f"| {' | '.join(row)} |" for row in rows) in page


def test_the_example_of_slow_boards_can_be_used(bench: Device, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "timing.md").read_text()
    (tmp_path / "fpga.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    states_of(bench, "board.console").load(tmp_path / "fpga.yaml")
    assert bench.console("board.console").timing.boot_timeout == 3600.0
