"""Processes around a virtual lab: exporters that register with its controller, upstream's and ours, and ``jmp``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.upstream import Upstream
from scripts import forks

LIMIT_S = 180.0
"""How long any command, and any wait, may take."""

CLIENTS_OF_BOARDS = "jumpstarter_driver_pyserial.client"
"""The classes of a board's clients, which every shell imports."""

TESTING = ("pytest", "jumpstarter_testing")
"""What a test run of upstream's imports."""

STOP_S = 10.0
LOOK_S = 0.02

AT_ONCE = 2
"""Commands that run at once where they do not depend on each other: a core each on a small machine."""


@dataclass(frozen=True)
class Done:
    """What a command has left.

    Attributes:
        code: Its exit code.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
        seconds: How long it took.
    """

    code: int
    out: str
    err: str
    seconds: float


def run(command: Sequence[str], environ: Mapping[str, str], *, cwd: Path | None = None, limit: float = LIMIT_S) -> Done:
    """Run a command to its end, in a session of its own and without input.

    Args:
        command: The command.
        environ: Its whole environment.
        cwd: Where. Default: here.
        limit: Seconds; then it is killed, with all that it started.

    Raises:
        AssertionError: It took longer.
    """
    begin = time.monotonic()
    with subprocess.Popen(
        command,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            kill(family(process.pid))
            out, err = process.communicate(timeout=STOP_S)
            raise AssertionError(f"{' '.join(command)} took over {limit:g} seconds:\n{out[-6000:]}\n{err}") from None
        except BaseException:
            kill(family(process.pid))
            raise
    return Done(process.returncode, out, err, time.monotonic() - begin)


@contextmanager
def forked_jmp(upstream: Upstream, environ: Mapping[str, str], *modules: str) -> Iterator[Jmp]:
    """Import upstream's command line once, for several commands.

    Args:
        upstream: Upstream's installation.
        environ: The environment that it is imported with: upstream reads then where the client configuration is.
        modules: What else is imported.
    """
    command_line = ("jumpstarter_cli.jmp", "jumpstarter_cli.j")
    with forks.forks(*command_line, *modules, quick=True, python=upstream.python, environment=environ) as launcher:
        yield Jmp(upstream, environ, launcher)


@dataclass(frozen=True)
class Jmp:
    """Upstream's command line, as a client of a virtual lab.

    Attributes:
        upstream: Upstream's installation.
        environ: The environment, which says where the client configuration is.
        launcher: What runs its commands in place of upstream's interpreter. Default: that.
    """

    upstream: Upstream
    environ: Mapping[str, str]
    launcher: str | None = None

    @property
    def python(self) -> str:
        """Upstream's interpreter, or the launcher that stands in for it."""
        return self.launcher or self.upstream.python

    def __call__(self, command: str, *words: str, environ: Mapping[str, str] | None = None) -> Done:
        """Run ``jmp``, and return what it has left, whatever that is.

        Args:
            command: Its words, divided by blanks.
            *words: Further words, which may have blanks in them.
            environ: Further variables.
        """
        launcher = [] if self.launcher is None else [self.launcher]
        return run([*launcher, self.upstream.jmp, *command.split(), *words], {**self.environ, **(environ or {})})

    def ok(self, command: str, *words: str) -> str:
        """Run ``jmp``, which has to succeed, and return its standard output without blanks at its end."""
        done = self(command, *words)
        assert done.code == 0, f"jmp {command} ended with {done.code}:\n{done.out}\n{done.err}"
        return done.out.rstrip()

    def all(self, *commands: str) -> list[Done]:
        """Run several commands that do not depend on each other, and return what each has left, in their order."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self, commands))


class ExporterProcess:
    """An exporter of a virtual lab that runs in a process of its own.

    Args:
        command: What starts it.
        environ: Its whole environment.
        log: Where its output goes; that of later starts is appended.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._command = list(command)
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def upstream(cls, upstream: Upstream, config: Path, environ: Mapping[str, str]) -> ExporterProcess:
        """Return upstream's, not started yet. Its hooks find upstream's ``j``."""
        path = f"{Path(upstream.jmp).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
        command = [upstream.jmp, "run", "--exporter-config", str(config)]
        return cls(command, {**environ, "PATH": path}, config.with_suffix(".log"))

    @classmethod
    def ours(cls, config: Path, environ: Mapping[str, str]) -> ExporterProcess:
        """Return ours, not started yet."""
        command = [sys.executable, "-m", "JumpstarterLibrary.exporter", str(config)]
        return cls(command, environ, config.with_suffix(".log"))

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, or before it was started."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start it; it has not registered yet when this returns."""
        assert self._process is None or self.code is not None, "The exporter runs already."
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            # While it is paused it could not.
            self.resume()

    def stop(self) -> None:
        """Ask it to end, and see to it that it does. Stopping twice is fine."""
        self.terminate()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        self.kill()

    def kill(self) -> None:
        """Kill it with all its children, which are in sessions of their own: nobody can say a word any more."""
        if self._process is not None and self._process.poll() is None:
            kill(family(self._process.pid))
            self._process.wait(STOP_S)

    def kill_worker(self) -> None:
        """Kill the child that does the work, and leave the parent alone."""
        assert self._process is not None
        kill(family(self._process.pid)[1:])

    def pause(self) -> None:
        """Let it stand still, as a machine that swaps or a laptop that was closed."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def wait(self, limit: float = LIMIT_S) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        assert self._process is not None
        return self._process.wait(limit)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def family(pid: int) -> list[int]:
    """Return a process and everything that it has started, also by launchers, itself first."""
    found = [pid]
    for one in found:
        if (program := forks.program(one)) != one:
            found.append(program)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(text) for text in children.read_text().split()]
    return found


def kill(pids: Sequence[int]) -> None:
    """Kill processes; those that have ended meanwhile are fine."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], object], what: str, limit: float = LIMIT_S) -> None:
    """Wait until something holds.

    Args:
        condition: Looked at again and again.
        what: The condition in words, for the error.
        limit: Seconds.

    Raises:
        AssertionError: It does not hold in time.
    """
    end, pause = time.monotonic() + limit, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"After {limit:g} seconds still not: {what}."
        pause.wait(LOOK_S)
