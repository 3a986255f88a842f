"""Start Python programs as forks of a process that has imported what they need: each saves a second of processor time.

What is forked has no thread and no channel. A fork runs ``python -m MODULE`` as a fresh interpreter would: with
arguments, environment, working directory and streams of its own, and it ends as one. Only the imports have been made
before. The environment variable ``PREFORK`` names the socket of what is forked; without it, ``start`` starts a fresh
interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

ROOT = Path(__file__).parents[1]

VARIABLE = "PREFORK"
"""Names the socket of the process that is forked."""

PRELOADED = (
    "robot.run",
    "robot.libraries.Collections",
    "robot.libraries.OperatingSystem",
    "robot.libraries.Process",
    "robot.libraries.String",
    "JumpstarterLibrary.library",
    "JumpstarterLibrary.exporter.__main__",
    "JumpstarterLibrary.exporter.drivers.virtual",
    "JumpstarterLibrary.lab",
    "scripts.ci_skips",
    "scripts.surroundings",
)

END_S = 10.0
"""Seconds in which the process ends that is forked."""


class ForkedProcess:
    """A program that was started as a fork; has what is needed of ``subprocess.Popen``.

    Attributes:
        pid: Its process.
        stdout: What it prints.
        returncode: Its status, or the negative number of the signal that ended it; None while it runs.
    """

    def __init__(
        self, arguments: Sequence[str], stderr: IO[Any] | None, environment: Mapping[str, str], cwd: Path | None
    ) -> None:
        self.arguments = arguments
        self.returncode: int | None = None
        self._reader: threading.Thread | None = None
        self._read: list[str] = []
        self._waiting = threading.Lock()
        reading, writing = os.pipe()
        self.stdout = os.fdopen(reading, encoding="utf-8")
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(environment[VARIABLE])
        request = {"arguments": list(arguments), "environment": dict(environment), "cwd": str(cwd or Path.cwd())}
        socket.send_fds(self._line, [b"\n"], [writing, writing if stderr is None else stderr.fileno()])
        os.close(writing)
        self._line.sendall(json.dumps(request).encode() + b"\n")
        self._replies = self._line.makefile("r")
        self.pid = int(self._replies.readline())

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without any grace."""
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Return its status, or None while it runs."""
        with self._waiting:
            if self.returncode is None and select.select([self._line], [], [], 0)[0]:
                self._take_status()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its status.

        Raises:
            subprocess.TimeoutExpired: It went on for longer than the time limit.
        """
        with self._waiting:
            if self.returncode is None and not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.arguments), timeout or 0)
            return self._take_status() if self.returncode is None else self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end and return what it has printed, and an empty text for what went elsewhere.

        Raises:
            subprocess.TimeoutExpired: It went on for longer than the time limit.
        """
        if self._reader is None:
            self._reader = threading.Thread(target=lambda: self._read.append(self.stdout.read()), daemon=True)
            self._reader.start()
        self._reader.join(timeout)
        if self._reader.is_alive():
            raise subprocess.TimeoutExpired(list(self.arguments), timeout or 0)
        self.wait(timeout)
        self.stdout.close()
        return self._read[0], ""

    def _take_status(self) -> int:
        # Without a line the forked process is gone, and nothing else could tell.
        self.returncode = int(self._replies.readline() or -signal.SIGKILL)
        self._replies.close()
        self._line.close()
        return self.returncode


Process = subprocess.Popen[str] | ForkedProcess


def start(
    *arguments: str, environment: Mapping[str, str], stderr: IO[Any] | None = None, cwd: Path | None = None
) -> Process:
    """Start ``python -m`` with these arguments.

    Args:
        arguments: The module and its arguments.
        environment: Its environment, which says whether it is a fork or a fresh interpreter.
        stderr: Where its errors go. Default: where its output goes, into a pipe.
        cwd: Its working directory. Default: that of this process.
    """
    if VARIABLE in environment:
        return ForkedProcess(arguments, stderr, environment, cwd)
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if stderr is None else stderr,
        text=True,
        env=dict(environment),
        cwd=cwd,
    )


class Preforked:
    """The process that is forked; it ends with the one that has started it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="prefork-"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.prefork", str(self._folder / "socket")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self.close()
            raise RuntimeError("The process that is to be forked did not start; its message is above.")

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process with the variable that lets ``start`` fork."""
        return {**os.environ, VARIABLE: str(self._folder / "socket")}

    def __enter__(self) -> Preforked:
        """Return it."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process; what it has started goes on."""
        self._process.communicate(timeout=END_S)
        shutil.rmtree(self._folder, ignore_errors=True)


class _Server:
    """Forks for each request, and tells how each fork has ended."""

    def __init__(self, path: str, defaults: Mapping[str, str]) -> None:
        self._defaults = defaults
        self._lines: dict[int, socket.socket] = {}
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.setblocking(False)
        self._waking = waking
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)

    def serve(self) -> list[str] | None:
        """Serve until standard input ends, and return None; in a fork return its arguments."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # its end is that of its standard input
        signal.set_wakeup_fd(self._waking.fileno())
        print("ready", flush=True)
        sources: list[Any] = [sys.stdin, self._listener, self._woken]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if self._woken in ready:
                self._woken.recv(4096)
                self._reap()
            if sys.stdin in ready:
                return None
            if self._listener in ready:
                line, _ = self._listener.accept()
                arguments = self._fork(line)
                if arguments is not None:
                    return arguments

    def _reap(self) -> None:
        while self._lines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            # What has started it may be gone.
            with self._lines.pop(pid) as line, contextlib.suppress(BrokenPipeError):
                line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    def _fork(self, line: socket.socket) -> list[str] | None:
        _, descriptors, _, _ = socket.recv_fds(line, 1, 2)
        with line.makefile("r") as lines:
            request = json.loads(lines.readline())
        pid = os.fork()
        if pid:
            for descriptor in descriptors:
                os.close(descriptor)
            self._lines[pid] = line
            line.sendall(f"{pid}\n".encode())
            return None
        self._leave(line)
        _become(descriptors, request, {**self._defaults, **request["environment"]})
        return list(request["arguments"])

    def _leave(self, line: socket.socket) -> None:
        """Give up, in a fork, what belongs to the process that was forked."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for one in (line, self._listener, self._woken, self._waking, *self._lines.values()):
            one.close()
        self._lines.clear()


def _become(descriptors: Sequence[int], request: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Take over streams, environment and working directory."""
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in zip((null, *descriptors), range(3), strict=True):
        os.dup2(descriptor, number)
    for descriptor in {null, *descriptors}:
        os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        assert stream is not None
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(request["cwd"])
    added = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path not in sys.path]
    sys.path[:] = [request["cwd"], *added, *sys.path[1:]]
    importlib.invalidate_caches()


def main() -> None:
    """Import, and fork for each request; a fork runs its module."""
    before = dict(os.environ)
    for name in PRELOADED:
        importlib.import_module(name)
    defaults = {name: value for name, value in os.environ.items() if name not in before}
    gc.collect()
    gc.freeze()
    arguments = _Server(sys.argv[1], defaults).serve()
    if arguments is not None:
        sys.argv[:] = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
