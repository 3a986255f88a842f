"""A board that is lost in the middle of a run: the first test waits for it aloud, later ones hardly at all."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest

from JumpstarterLibrary.client.leasing import searching
from JumpstarterLibrary.lab import VirtualLab

pytest_plugins = "pytester"

SUITE = """
    from jumpstarter_testing import JumpstarterTest

    class TestBoard(JumpstarterTest):
        selector = "board=b"

        def test_good(self, client):
            client.power.on()

        def test_loss(self, client):
            client.power.on()

        def test_later(self, client):
            client.power.on()

        def test_latest(self, client):
            client.power.on()

        def test_return(self, client):
            client.power.on()

        def test_good_again(self, client):
            client.power.on()
"""

CLASSES = """
    from jumpstarter_testing import JumpstarterTest

    class TestFirst(JumpstarterTest):
        selector = "board=b"

        def test_it(self, client):
            pass

    class TestSecond(JumpstarterTest):
        selector = "board=b"

        def test_it(self, client):
            pass

    class TestThird(JumpstarterTest):
        selector = "board=b"

        def test_it(self, client):
            client.power.on()
"""

LINE = (
    r"Looking for exporter 'b1' of lease '([-\w]+)' again since 1 second, for at most 5 seconds, because its tunnel "
    r"broke: the connection to the router was lost \([\w ]+\)\."
)
GONE = r"The controller [\d.:]+ cannot be reached: connection refused\. Check the endpoint of the client configuration "
LATER = (
    r"ControllerUnreachable: The exporter 'b1' of lease '[-\w]+' was lost and looked for in vain before, and was not "
    rf"found within 1 second now: {GONE}"
)


class Outage:
    """Takes controller and router away before one test, and brings them back before another one."""

    def __init__(self, lab: VirtualLab, begins: str, ends: str, *, leased: bool) -> None:
        self._lab, self._begins, self._ends, self._leased = lab, begins, ends, leased
        self._faults: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._begins in item.nodeid:
            self._faults = [self._lab.inject(target, "down") for target in ("router", "controller")]
        elif self._ends in item.nodeid and self._faults:
            self._lab.journal.clear()
            for fault in self._faults:
                fault.clear()
            if self._leased:
                self._await_return()

    def _await_return(self) -> None:
        """Wait until the exporter, and what keeps the client's lease, have found the controller again: that takes
        seconds, in which no test could be sure of its board."""
        journal, end = self._lab.journal, time.monotonic() + 15
        while not (journal.entries(method="Listen", caller="b1") and journal.entries(method="GetLease")):
            assert time.monotonic() < end, journal.entries()
            threading.Event().wait(0.02)


def seconds(text: str, phase: str, test: str) -> float:
    """Return how long a phase of a test took."""
    found = re.search(rf"([\d.]+)s {phase} +\S+::{test}\n", text)
    assert found is not None, text
    return float(found[1])


def run(pytester: pytest.Pytester, outage: Outage) -> pytest.RunResult:
    options = ["-W", "error", "-rE", "--durations=0", "--durations-min=0", "--jumpstarter-progress=1"]
    return pytester.runpytest(*options, plugins=[outage])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "TELL_S", 0.5)
    monkeypatch.setenv("JMP_DIAL_TIMEOUT", "5")
    monkeypatch.setenv("COLUMNS", "600")


def test_the_first_test_waits_aloud_and_later_ones_fail_at_once(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = run(pytester, Outage(lab, "test_loss", "test_return", leased=True))
    text = result.stdout.str()
    result.assert_outcomes(passed=3, errors=3)
    # On the terminal, while it waits; in the report of the test as well.
    assert re.search(LINE, text.partition("= ERRORS =")[0]), text
    assert re.search(rf"ERROR \S+::test_loss - \S+ControllerUnreachable: {GONE}", text), text
    assert len(re.findall(rf"ERROR \S+::test_late(?:r|st) - \S+{LATER}", text)) == 2, text
    assert seconds(text, "call", "test_loss") >= 4.5
    assert seconds(text, "call", "test_later") < 2.5
    assert seconds(text, "call", "test_latest") < 2.5
    assert "keyword" not in text


def test_the_first_class_that_wants_a_board_waits_longest(pytester: pytest.Pytester, lab: VirtualLab) -> None:
    pytester.makepyfile(test_suite=CLASSES)
    result = run(pytester, Outage(lab, "TestFirst", "TestThird", leased=False))
    text = result.stdout.str()
    result.assert_outcomes(passed=1, errors=2)
    assert len(re.findall(rf"ERROR \S+::test_it - ControllerUnreachable: {GONE}", text)) == 2, text
    assert seconds(text, "setup", "TestFirst::test_it") >= 4.5
    assert seconds(text, "setup", "TestSecond::test_it") < 3.0
