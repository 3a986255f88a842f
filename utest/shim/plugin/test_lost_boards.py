"""A board that is lost in the middle of a run: the first test waits for it aloud, later ones hardly at all."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.leasing.acquire import FIRST_CONTACT_S, NEXT_CONTACT_S
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
    r"Looking for exporter 'b1' of lease '([-\w]+)' again since \d+ seconds, for at most 20 seconds, because its "
    r"tunnel broke: the connection to the router was lost \([\w ]+\)\."
)
GONE = r"The controller [\d.:]+ cannot be reached: connection refused\. Check the endpoint of the client configuration "
LATER = (
    r"ControllerUnreachable: The exporter 'b1' of lease '[-\w]+' was lost and looked for in vain before, and was not "
    rf"found within 1 second now: {GONE}"
)


class Outage:
    """Takes controller and router away before one test, and brings them back before another one.

    The client's time passes faster in the first test without them, which waits longest.

    Attributes:
        passed: Seconds of the client's clock that the set-up of each test took.
    """

    def __init__(self, lab: VirtualLab, clock: MovableClock, begins: str, ends: str, *, leased: bool) -> None:
        self.passed: dict[str, float] = {}
        self._lab, self._clock, self._begins, self._ends, self._leased = lab, clock, begins, ends, leased
        self._faults: list[Any] = []

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        if self._begins in item.nodeid:
            self._faults = [self._lab.inject(target, "down") for target in ("router", "controller")]
        elif self._ends in item.nodeid and self._faults:
            self._lab.journal.clear()
            for fault in self._faults:
                fault.clear()
            if self._leased:
                self._await_return()
        begin = self._clock.seconds()
        with self._passing_fast(item):
            yield
        self.passed[item.nodeid.partition("::")[2]] = self._clock.seconds() - begin

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        with self._passing_fast(item):
            yield

    @contextmanager
    def _passing_fast(self, item: pytest.Item) -> Iterator[None]:
        over = threading.Event()

        def move() -> None:
            while not over.wait(0.005):
                self._clock.advance(0.05)

        thread = threading.Thread(target=move, daemon=True)
        if self._begins in item.nodeid:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if thread.is_alive():
                thread.join()

    def _await_return(self) -> None:
        """Wait until the exporter, and what keeps the client's lease, have found the controller again: that takes
        seconds, in which no test could be sure of its board."""
        journal, end = self._lab.journal, time.monotonic() + 30
        while not (journal.entries(method="Listen", caller="b1") and journal.entries(method="GetLease")):
            assert time.monotonic() < end, journal.entries()
            self._clock.advance(0.05)
            threading.Event().wait(0.005)


def run(pytester: pytest.Pytester, outage: Outage) -> pytest.RunResult:
    return pytester.runpytest("-W", "error", "-rE", plugins=[outage])


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_DIAL_TIMEOUT", "20")
    monkeypatch.setenv("COLUMNS", "600")


def test_the_first_test_waits_aloud_and_later_ones_fail_at_once(
    pytester: pytest.Pytester, lab: VirtualLab, clock: MovableClock
) -> None:
    # It takes some seconds: later tests try for a second each, and gRPC waits between two attempts to connect.
    pytester.makepyfile(test_suite=SUITE)
    result = run(pytester, Outage(lab, clock, "test_loss", "test_return", leased=True))
    text = result.stdout.str()
    result.assert_outcomes(passed=3, errors=3)
    # On the terminal, while it waits; in the report of the test as well.
    assert re.search(LINE, text.partition("= ERRORS =")[0]), text
    assert re.search(rf"ERROR \S+::test_loss - \S+ControllerUnreachable: {GONE}", text), text
    assert len(re.findall(rf"ERROR \S+::test_late(?:r|st) - \S+{LATER}", text)) == 2, text
    assert "keyword" not in text


def test_the_first_class_that_wants_a_board_waits_longest(
    pytester: pytest.Pytester, lab: VirtualLab, clock: MovableClock
) -> None:
    # It takes some seconds: the second class waits, too.
    pytester.makepyfile(test_suite=CLASSES)
    outage = Outage(lab, clock, "TestFirst", "TestThird", leased=False)
    result = run(pytester, outage)
    text = result.stdout.str()
    result.assert_outcomes(passed=1, errors=2)
    assert len(re.findall(rf"ERROR \S+::test_it - ControllerUnreachable: {GONE}", text)) == 2, text
    assert outage.passed["TestFirst::test_it"] > FIRST_CONTACT_S
    assert NEXT_CONTACT_S < outage.passed["TestSecond::test_it"] < outage.passed["TestFirst::test_it"]
