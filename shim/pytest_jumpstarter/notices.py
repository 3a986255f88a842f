"""Log lease notices; show urgent ones on the terminal."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext

import pytest

from JumpstarterLibrary.client.events import Event, Notice
from pytest_jumpstarter.hints import PYTEST
from pytest_jumpstarter.parallel.workers import worker_of

logger = logging.getLogger("pytest_jumpstarter")


class NoticeReporter:
    """Report the notices of a device; safe in any thread.

    Args:
        config: The test run, on whose terminal the wait is told; xdist's workers have its standard error only.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._capture = config.pluginmanager.get_plugin("capturemanager")
        self._worker = worker_of(config)

    def put(self, event: Event) -> None:
        """Tell a notice; other events are of no interest here."""
        if not isinstance(event, Notice):
            return
        text = event.phrased(PYTEST)
        logger.log(logging.WARNING if event.level == "WARN" else logging.INFO, "%s", text)
        if event.console:
            shown = self._capture.global_and_fixture_disabled() if self._capture is not None else nullcontext()
            with shown:
                self._write(text)

    def _write(self, text: str) -> None:
        if self._worker:
            # xdist does not show a worker's terminal.
            sys.stderr.write(f"\n[{self._worker}] {text}\n")
            sys.stderr.flush()
        elif self._reporter is not None:
            self._reporter.write_line(f"\n{text}")
