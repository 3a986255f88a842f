"""A test class that needs a board and uses it for long."""

from __future__ import annotations

import datetime
import os
import signal
import sys
from pathlib import Path

import pytest
from pytest_jumpstarter import JumpstarterTest

sys.path.insert(0, str(Path(__file__).parent))

from Killing import crash_when_told, note_begin


def _too_late(*_: object) -> None:
    pytest.fail(f"Timeout of {os.environ['KILL_TIMEOUT']} s")


@pytest.fixture(scope="session", autouse=True)
def _time_counts() -> None:
    """Do what pytest-timeout does, and be ready to crash."""
    crash_when_told()
    note_begin()
    if os.environ["KILL_TIMEOUT"] != "NONE":
        signal.signal(signal.SIGALRM, _too_late)
        signal.setitimer(signal.ITIMER_REAL, float(os.environ["KILL_TIMEOUT"]))


class TestBoard(JumpstarterTest):
    selector = f"unit={os.environ['KILL_UNIT']}"
    lease_duration = datetime.timedelta(seconds=float(os.environ["KILL_SOFT"]))
    lease_max_duration = datetime.timedelta(hours=1)

    def test_board(self, client) -> None:
        client.holder.call("hold", os.environ["KILL_WORK"])
