"""Log lease notices; show urgent ones on the terminal."""

from __future__ import annotations

import logging
import os
import sys

from JumpstarterLibrary.client.events import Event, Notice

logger = logging.getLogger("jumpstarter.client.lease")


def log_notice(event: Event) -> None:
    """Tell a notice; other events are of no interest here. It may come from any thread."""
    if not isinstance(event, Notice):
        return
    logger.log(logging.WARNING if event.level == "WARN" else logging.INFO, "%s", event.phrased())
    if event.console and event.level != "WARN" and interactive():
        sys.stderr.write(f"{event.phrased()}\n")
        sys.stderr.flush()


def interactive() -> bool:
    """Tell whether a user waits at a terminal, and has not set ``NONINTERACTIVE``."""
    if os.environ.get("NONINTERACTIVE", "").lower() in ("1", "true"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr))
