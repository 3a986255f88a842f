"""Log lease notices; show urgent ones on the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from JumpstarterLibrary.client.devices.notices import LEVELS, EventSink
from pytest_jumpstarter.hints import PYTEST
from pytest_jumpstarter.parallel.workers import worker_of

logger = logging.getLogger("pytest_jumpstarter")


class NoticeReporter(EventSink):
    """Report the notices of a device; safe in any thread.

    Args:
        config: The test run, on whose terminal the wait is told; xdist's workers have its standard error only.
        secrets: Returns texts that no line may show.
    """

    def __init__(self, config: pytest.Config, secrets: Callable[[], list[str]]) -> None:
        super().__init__(
            lambda level, text: logger.log(LEVELS[level], "%s", text), self._show_uncaptured, PYTEST, secrets=secrets
        )
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._capture = config.pluginmanager.get_plugin("capturemanager")
        self._worker = worker_of(config)

    def _show_uncaptured(self, text: str) -> None:
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
