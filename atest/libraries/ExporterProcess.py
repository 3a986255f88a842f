"""Exporters in processes of their own, so that tests can kill them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from functools import cached_property
from pathlib import Path

from robot.api.deco import library

from scripts import forks

START_S = 30.0


@library(scope="SUITE", auto_keywords=True)
class ExporterProcess:
    """Starts, kills and stops exporters; what a suite leaves running is stopped with it."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self.ROBOT_LIBRARY_LISTENER = self
        self._running: dict[str, subprocess.Popen[str]] = {}

    @cached_property
    def _directory(self) -> Path:
        """Made when it is needed: Robot makes instances that are never used."""
        return Path(tempfile.mkdtemp(prefix="jumpstarter-atest-"))

    def start_exporter(self, config: Path, *arguments: str) -> str:
        """Start an exporter on a unix socket (or as the arguments say) and return its host."""
        directory = self._directory
        if not arguments:
            arguments = ("--unix", str(directory / f"exporter{len(self._running)}.sock"))
        files = directory / "files"
        files.mkdir(exist_ok=True)
        filled = directory / f"{len(self._running)}-{config.name}"
        filled.write_text(config.read_text().replace("@FILES@", str(files)))
        # The drivers of these suites, and what they share with the unit tests.
        path = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[2])))
        environment = {**os.environ, "PYTHONPATH": path}
        with (directory / "exporter.log").open("ab") as log:
            process = forks.start(
                "JumpstarterLibrary.exporter", str(filled), *arguments, environment=environment, stderr=log
            )
        timer = threading.Timer(START_S, _kill, [process])
        timer.start()
        host = process.stdout.readline().strip() if process.stdout else ""
        timer.cancel()
        if not host:
            _kill(process)
            process.wait()
            raise AssertionError(f"The exporter did not start: {(directory / 'exporter.log').read_text()[-2000:]}")
        self._running[host] = process
        return host

    def kill_exporter(self, host: str, after: float = 0.0) -> None:
        """Kill an exporter without any grace, now or some seconds from now."""
        process = self._running[host]
        if not after:
            _kill(process)
            process.wait()
            return
        timer = threading.Timer(after, _kill, [process])
        timer.daemon = True
        timer.start()

    def freeze_exporter(self, host: str, after: float = 0.0) -> None:
        """Stop an exporter from running, without ending it: it is silent from now on, or from some seconds on."""
        process = self._running[host]
        if not after:
            forks.send_signal(process, signal.SIGSTOP)
            return
        timer = threading.Timer(after, forks.send_signal, [process, signal.SIGSTOP])
        timer.daemon = True
        timer.start()

    def thaw_exporter(self, host: str) -> None:
        """Lets a frozen exporter go on."""
        forks.send_signal(self._running[host], signal.SIGCONT)

    def stop_exporter(self, host: str) -> None:
        """Stop an exporter as an administrator does, and wait for its end."""
        process = self._running.pop(host)
        process.terminate()
        process.wait(timeout=START_S)

    def end_suite(self, _data: object, _result: object) -> None:
        """Stop what is left."""
        for process in self._running.values():
            _kill(process)
            process.wait()
        self._running.clear()
        if "_directory" in vars(self):
            shutil.rmtree(self._directory, ignore_errors=True)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill an exporter, not only what has started it."""
    forks.send_signal(process, signal.SIGKILL)
