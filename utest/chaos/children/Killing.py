"""What a run does to itself: it notes when its time begins to count, and crashes when it is told to."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

LOOK_S = 0.005


def note_begin() -> None:
    """Write down the time at which the test's timeout begins to count."""
    draft = Path(os.environ["KILL_BEGIN"] + ".new")
    draft.write_text(repr(time.monotonic()))
    draft.rename(os.environ["KILL_BEGIN"])


def crash_when_told() -> None:
    """Crash in the way of ``KILL_CRASH`` as soon as there is the file ``KILL_NOW``, whatever the main thread does."""
    crash = {"abort": os.abort, "exit": lambda: os._exit(3)}.get(os.environ["KILL_CRASH"])
    if crash is None:
        return

    def watch() -> None:
        while not Path(os.environ["KILL_NOW"]).exists():
            time.sleep(LOOK_S)
        crash()

    threading.Thread(target=watch, daemon=True).start()
