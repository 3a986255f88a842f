"""Measured processes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop.upstream import Upstream

SUBJECTS = Path(__file__).parent / "subjects"
NAMES = ("bare", "ours", "upstream")
LIMIT_S = 300


@dataclass(frozen=True)
class Setting:
    """What everything is measured with.

    Attributes:
        upstream: Upstream's installation.
        host: Upstream's exporter, the same process for all.
        folder: For files.
        environ: Upstream's environment.
    """

    upstream: Upstream
    host: str
    folder: Path
    environ: Mapping[str, str]

    def python(self, name: str) -> str:
        """Return the interpreter for a subject."""
        return self.upstream.python if name.startswith("upstream") else sys.executable


class SubjectProcess:
    """A client in a process of its own that does what it is told; see ``subjects/serve.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, what: str, *arguments: str, count: int = 1) -> dict[str, Any]:
        """Let it do something and return what it measured.

        Raises:
            RuntimeError: It ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, "arguments": arguments, "count": count}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended during {what}")
        answer: dict[str, Any] = json.loads(line)
        return answer


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
    """
    environ = {**setting.environ, "JMP_DRIVERS_ALLOW": "UNSAFE"}
    if folder is not None:
        environ["JMP_CLIENT_CONFIG_HOME"] = str(folder)
    process = subprocess.Popen(
        [setting.python(name), str(SUBJECTS / f"{name}.py"), setting.host if argument is None else argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    )
    try:
        yield SubjectProcess(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
    finally:
        process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def wall_times(commands: Mapping[str, Sequence[str]], environ: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Return the median wall time of several commands, run in turn so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, env=dict(environ), check=True, capture_output=True, timeout=LIMIT_S)
            if number:  # the first round only warms up
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}
