"""Matches that chunk borders cut, and silence that proves nothing."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from assertionengine import AssertionOperator

from JumpstarterLibrary.client import Console, Device, DirectConnection
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles import recording as recording_module
from JumpstarterLibrary.errors import LinkError, UsageError
from JumpstarterLibrary.exporter import serve
from JumpstarterLibrary.keywords.console import ConsoleKeywords
from JumpstarterLibrary.types import Since
from utest.client.serial_port import Port

pytestmark = pytest.mark.usefixtures("skipping")


def test_a_match_at_the_end_of_the_output_may_grow(console: Console, port: Port, skipping: MovableClock) -> None:
    port.say("Linux version 6.")
    console.wait_for("6.", 5, since=0)
    skipping.call_later(0.01, lambda: port.say("12.74 ok\n"))
    match = console.wait_for(r"regexp:version (?P<version>\S+)", 5, since=0)
    assert match.groups == {"version": "6.12.74"}


def test_a_match_at_the_end_of_the_output_that_stays_is_final(console: Console, port: Port) -> None:
    port.say("login: ")
    assert console.wait_for("regexp:login: *", 5).text == "login: "


def test_a_broken_console_proves_no_silence(unskipped: MovableClock) -> None:
    with serve(Port(), grace=0) as exporter:
        device = Device.connect(DirectConnection.from_arguments(exporter.host, environ={}))
        console = device.console()
    with device:
        with pytest.raises(LinkError, match=r"^The stream of console 'console' broke while waiting for 'login:': "):
            console.wait_for("login:", 5)
        with pytest.raises(LinkError, match=r"^The stream of console 'console' broke while waiting for 'panic': "):
            console.must_not_say("panic", 0)


def test_what_is_forgotten_proves_no_silence(device: Device, port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "HISTORY", 1000)
    console = device.console()
    port.watch(console)
    port.say("panic\n", *["x" * 500] * 5, "end\n")
    console.wait_for("end", 5)
    with pytest.raises(UsageError, match=r"^Console 'console' has said so much since then that its first \d+ "):
        console.must_not_say("panic", 0, since=0)


@pytest.mark.parametrize(("operator", "expected"), [("not contains", "panic"), ("contains", "end")])
def test_what_is_forgotten_proves_nothing_to_an_assertion(
    device: Device, port: Port, monkeypatch: pytest.MonkeyPatch, operator: str, expected: str
) -> None:
    monkeypatch.setattr(recording_module, "HISTORY", 1000)
    console = device.console()
    port.watch(console)
    port.say("panic\n", *["x" * 500] * 5, "end\n")
    console.wait_for("end", 5)
    devices: Any = SimpleNamespace(get=lambda _alias: device)
    keywords = ConsoleKeywords(devices, timedelta(seconds=1))
    with pytest.raises(UsageError, match=r"^Console 'console' has said so much since then that its first \d+ "):
        keywords.get_console_text(AssertionOperator[operator], expected, since=Since.connect)
    assert "end" in keywords.get_console_text(since=Since.connect)


def test_what_is_forgotten_may_have_been_what_must_not_come(
    device: Device, port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "HISTORY", 1000)
    console = device.console()
    port.watch(console)
    port.say("panic\n", *["x" * 500] * 5, "end\n")
    console.wait_for("end", 5)
    with pytest.raises(UsageError, match=r"^Console 'console' has said so much since then that its first \d+ "):
        console.wait_for("end", 5, since=0, unwanted=["panic"])
    with pytest.raises(UsageError, match=r"^Console 'console' has said so much since then that its first \d+ "):
        console.wait_for_all(["end"], 5, since=0, unwanted=["panic"])
