"""Log lease notices; show urgent ones on the terminal."""

from __future__ import annotations

import logging
import os
import sys

from JumpstarterLibrary.client.devices.notices import LEVELS, EventSink
from JumpstarterLibrary.client.events import Event, Notice

logger = logging.getLogger("jumpstarter.client.lease")


def log_notice(event: Event) -> None:
    """Log a notice, and show an urgent one on a terminal. It may come from any thread."""
    if isinstance(event, Notice):
        _sink.put(event)


def interactive() -> bool:
    """Tell whether a user waits at a terminal, and has not set ``NONINTERACTIVE``."""
    return has_terminal() and not is_noninteractive()


def has_terminal() -> bool:
    """Tell whether standard output and standard error are a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr))


def is_noninteractive() -> bool:
    """Tell whether the environment says that no user waits at the terminal."""
    return os.environ.get("NONINTERACTIVE", "").lower() in ("1", "true")


def _show(text: str) -> None:
    if interactive():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


_sink = EventSink(lambda level, text: logger.log(LEVELS[level], "%s", text), _show, shows_warnings=True)
