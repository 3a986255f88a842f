"""Keywords that start upstream's exporter, and do to it what happens to exporters."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable
from pathlib import Path

from robot.api.deco import keyword, library

from interop.leases.processes import ExporterProcess
from interop.upstream import Upstream


@library(scope="SUITE", auto_keywords=False)
class Peer:
    """One exporter of upstream's in a process of its own, which ends with the suite.

    Args:
        home: Where upstream is installed.
        config: The exporter's configuration.
        drivers: The folder of our drivers for tests.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, home: Path, config: Path, drivers: Path) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        upstream = Upstream(home)
        environ = upstream.environ(Path(os.environ["XDG_RUNTIME_DIR"]), PYTHONPATH=str(drivers))
        self._exporter = ExporterProcess.upstream(upstream, config, environ)
        self._acts: list[threading.Timer] = []

    def close(self) -> None:
        """End the exporter: at the end of the suite, by Robot."""
        for act in self._acts:
            act.cancel()
            act.join()
        self._exporter.stop()

    @keyword
    def start_exporter(self) -> None:
        """Starts it, without waiting until it has registered."""
        self._exporter.start()

    @keyword
    def kill_exporter(self, after: datetime.timedelta | None = None) -> None:
        """Kills it with SIGKILL, now or later."""
        self._act(self._exporter.kill, after)

    @keyword
    def kill_worker(self) -> int:
        """Kills only the process that does its work, and returns the exit code of the other."""
        self._exporter.kill_worker()
        return self._exporter.wait()

    @keyword
    def pause_exporter(self, after: datetime.timedelta | None = None) -> None:
        """Stops it with SIGSTOP, now or later."""
        self._act(self._exporter.pause, after)

    @keyword
    def resume_exporter(self, after: datetime.timedelta | None = None) -> None:
        """Lets it go on with SIGCONT, now or later."""
        self._act(self._exporter.resume, after)

    def _act(self, act: Callable[[], None], after: datetime.timedelta | None) -> None:
        if after is None:
            act()
            return
        timer = threading.Timer(after.total_seconds(), act)
        timer.start()
        self._acts.append(timer)
