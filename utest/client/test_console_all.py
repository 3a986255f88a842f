"""Wait for several patterns, in any order or in one, and for none of those that must not come."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client import Console
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.errors import ConsoleMismatch, DeviceCrashed, UsageError
from utest.client.serial_port import Port

pytestmark = pytest.mark.usefixtures("skipping")


def test_all_come_in_any_order(console: Console, port: Port) -> None:
    port.say("wlan0 up\n", "eth0 up\n", "login: ")
    found = console.wait_for_all(["eth0", r"regexp:(?P<name>wl\w+) up", "up"], 5)
    assert [match.text for match in found] == ["eth0", "wlan0 up", "up"]
    assert found[1].groups == {"name": "wlan0"}
    assert console.cursor == max(match.end for match in found)
    assert console.wait_for("login:", 5).text == "login:"


def test_one_that_comes_late_is_waited_for(console: Console, port: Port, skipping: MovableClock) -> None:
    port.say("one\n")
    skipping.call_later(0.5, lambda: port.say("two\n"))
    assert [match.text for match in console.wait_for_all(["two", "one"], 5)] == ["two", "one"]


def test_in_order_each_comes_behind_the_one_before(console: Console, port: Port) -> None:
    port.say("b\na\nb\n")
    console.wait_for("a", 5, since=0)
    found = console.wait_for_all(["a", "b"], 5, since=0, in_order=True)
    assert [match.start for match in found] == [2, 4]
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for_all(["b", "a", "a"], 0, since=0, in_order=True)
    assert str(caught.value).startswith("No match for 'a' on console 'console' in 0 milliseconds. ")
    assert str(caught.value).endswith("\nBefore that came: 'b', 'a'.")


def test_a_wait_that_fails_leaves_the_cursor(console: Console, port: Port) -> None:
    port.say("one\nthree\n")
    console.wait_for("three", 5)
    console.cursor = 0
    with pytest.raises(ConsoleMismatch, match=r"^No match for 'two' on console 'console' in 0 milliseconds\. "):
        console.wait_for_all(["one", "two"], 0)
    assert console.cursor == 0


@pytest.mark.parametrize("in_order", [False, True])
def test_what_must_not_come_ends_the_wait(console: Console, port: Port, in_order: bool) -> None:
    port.say("one\nan error\ntwo\n")
    console.wait_for("two", 5)
    with pytest.raises(ConsoleMismatch) as caught:
        console.wait_for_all(["one", "two"], 5, since=0, in_order=in_order, unwanted=["regexp:err.r"])
    assert str(caught.value).startswith(
        "Console 'console' said 'error', which it should not, while 'two' was awaited. The line was: 'an error'."
    )


def test_what_must_not_come_may_come_later(console: Console, port: Port) -> None:
    port.say("one\ntwo\nan error\n")
    console.wait_for("error", 5)
    assert console.wait_for("one", 5, since=0, unwanted=["error"]).text == "one"
    assert len(console.wait_for_all(["two", "one"], 5, since=0, unwanted=["error"])) == 2
    with pytest.raises(ConsoleMismatch, match=r"^Console 'console' said 'error', which it should not, while 'x' was"):
        console.wait_for("x", 5, since=0, unwanted=["error"])


def test_a_failing_pattern_ends_the_wait(console: Console, port: Port) -> None:
    console.fail_on("panic", [FailingPattern.of("panic")])
    port.say("one\npanic\n")
    with pytest.raises(DeviceCrashed):
        console.wait_for_all(["one", "two"], 5)


def test_nothing_to_wait_for_is_refused(console: Console) -> None:
    with pytest.raises(UsageError, match=r"^There is nothing to wait for\. Give patterns\.$"):
        console.wait_for_all([], 5)
