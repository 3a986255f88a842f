"""Measured processes."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.rows import MeasurementFailed, NotMeasured
from interop.upstream import Upstream

SUBJECTS = Path(__file__).parent / "subjects"
NAMES = ("bare", "ours", "upstream")

LIMIT_S = 300
"""Seconds for one answer of a subject, and for one command."""

STOP_S = 20
"""Seconds in which a subject has to end."""


@dataclass(frozen=True)
class UpstreamExporter:
    """A running exporter of upstream's, the same process for all.

    Attributes:
        upstream: The installation.
        host: Its unix socket.
    """

    upstream: Upstream
    host: str


@dataclass(frozen=True)
class Setting:
    """What everything is measured with.

    Attributes:
        folder: For files.
        environ: An environment that has nothing of ours in it.
        exporter: Upstream's exporter, or the reason why there is none.
    """

    folder: Path
    environ: Mapping[str, str]
    exporter: UpstreamExporter | NotMeasured

    @property
    def host(self) -> str:
        """The unix socket of upstream's exporter.

        Raises:
            NotMeasured: There is none.
        """
        return self._running().host

    def python(self, name: str) -> str:
        """Return the interpreter for a subject.

        Raises:
            NotMeasured: It is upstream's, which is not installed.
        """
        return self._running().upstream.python if name.startswith("upstream") else sys.executable

    def _running(self) -> UpstreamExporter:
        if isinstance(self.exporter, NotMeasured):
            raise self.exporter
        return self.exporter


class SubjectProcess:
    """A client in a process of its own that does what it is told; see ``subjects/serve.py``."""

    def __init__(self, name: str, process: subprocess.Popen[str], errors: IO[str], limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._name = name
        self._process = process
        self._errors = errors

    def do(self, what: str, *arguments: str, count: int = 1) -> dict[str, Any]:
        """Let it do something and return what it measured.

        Raises:
            MeasurementFailed: It ended, or gave no answer in time.
        """
        # A process that gives no answer is killed, so that this cannot hang.
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        watchdog = threading.Timer(self._limit_s, kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            line = self._ask(json.dumps({"do": what, "arguments": arguments, "count": count}))
        finally:
            watchdog.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        if late.is_set():
            limit = f"{self._limit_s:g} s"
            raise MeasurementFailed(f"The subject '{self._name}' gave no answer to '{what}' within {limit}.")
        status = self._process.wait(STOP_S)
        self._errors.seek(0)
        written = self._errors.read()
        sys.stderr.write(written)
        raise MeasurementFailed(
            f"The subject '{self._name}' ended with status {status} during '{what}': {last_line(written)}"
        )

    def _ask(self, request: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{request}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline()


@contextmanager
def subject(
    setting: Setting, name: str, argument: str | None = None, *, folder: Path | None = None
) -> Iterator[SubjectProcess]:
    """Start a subject; it is connected with its first ``do("connect")``.

    Args:
        setting: What everything is measured with.
        name: The subject's file.
        argument: What it is told. Default: where upstream's exporter is.
        folder: Where its client configuration is. Default: the setting's folder, where there is none.

    Raises:
        NotMeasured: It needs upstream's exporter or interpreter, and there is none.
        MeasurementFailed: It did not end in time.
    """
    environ = {**setting.environ, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    if folder is not None:
        environ["JMP_CLIENT_CONFIG_HOME"] = str(folder)
    command = [setting.python(name), str(SUBJECTS / f"{name}.py"), setting.host if argument is None else argument]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environ
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield SubjectProcess(name, process, errors)
            process.stdin.close()
            process.wait(STOP_S)
        except subprocess.TimeoutExpired as error:
            raise MeasurementFailed(f"The subject '{name}' did not end within {STOP_S} s.") from error
        finally:
            process.kill()
            process.wait(STOP_S)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()


def run(command: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output.

    Raises:
        MeasurementFailed: It failed, or took too long.
    """
    words = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error.stdout}{error.stderr}")
        told = last_line(error.stderr or error.stdout)
        raise MeasurementFailed(f"'{words}' failed with status {error.returncode}: {told}") from error
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"'{words}' took more than {LIMIT_S} s.") from error
    return done.stdout


def last_line(text: str) -> str:
    """Return the last line that is not blank; for a traceback it is the error."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it wrote nothing."


def wall_times(commands: Mapping[str, Sequence[str]], environ: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Return the median wall time of several commands, run in turn so that all see the same machine.

    Raises:
        MeasurementFailed: A command failed, or took too long.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            begin = time.perf_counter()
            run(command, environ)
            if number:  # the first round only warms up
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}
