"""What is told while a lease is awaited and held: to the log, and what cannot wait to the terminal."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest

from JumpstarterLibrary.client.events import Event, Notice

logger = logging.getLogger(__name__)


class Voice:
    """Takes the events of a device, from any thread.

    Args:
        config: The test run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._capture = config.pluginmanager.get_plugin("capturemanager")

    def put(self, event: Event) -> None:
        """Tell a notice; other events are of no interest here."""
        if not isinstance(event, Notice):
            return
        logger.log(logging.WARNING if event.level == "WARN" else logging.INFO, "%s", event.text)
        if event.console and self._reporter is not None:
            shown = self._capture.global_and_fixture_disabled() if self._capture is not None else nullcontext()
            with shown:
                self._reporter.write_line(f"\n{event.text}")
