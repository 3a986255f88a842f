"""Exporters for suites that run in a pytest of their own."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_jumpstarter

from JumpstarterLibrary.exporter import Driver, serve
from scripts.forks import forks

STOP_S = 10.0
"""Seconds in which an exporter ends in order."""

CONFIG = """
apiVersion: jumpstarter.dev/v1alpha1
kind: ExporterConfig
export:
  power:
    type: JumpstarterLibrary.exporter.drivers.power.MockPower
  dutlink:
    type: JumpstarterLibrary.exporter.drivers.virtual.VirtualBoard
"""


# Pytest runs in this process forget what they have imported first: it shall be there, and compiled for those in others.
for _module in pkgutil.walk_packages(pytest_jumpstarter.__path__, "pytest_jumpstarter."):
    if ".compat." not in _module.name and not _module.name.endswith(".__main__"):
        importlib.import_module(_module.name)


@contextmanager
def exporter_process(config: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run an exporter that can be killed; yield where it listens and its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "JumpstarterLibrary.exporter", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process
        finally:
            # In order where it still can, so that it removes its files.
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(autouse=True)
def _reruns_without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an inner pytest run of this process count reruns by itself: pytest-rerunfailures never ends its server."""
    if importlib.util.find_spec("pytest_rerunfailures"):
        monkeypatch.setattr("pytest_rerunfailures.HAS_PYTEST_HANDLECRASHITEM", False)


@pytest.fixture(autouse=True)
def outside_of_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure that no suite finds an exporter that it was not given."""
    for name in [name for name in os.environ if name.startswith(("JUMPSTARTER_", "JMP_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Driver], str]]:
    """Serve a driver until the test ends, put the environment inside its shell, and return where it listens."""
    with ExitStack() as stack:

        def enter(driver: Driver) -> str:
            host = stack.enter_context(serve(driver, grace=0)).host
            monkeypatch.setenv("JUMPSTARTER_HOST", host)
            return host

        yield enter


@pytest.fixture
def fragile_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve a bench from a process whose id is in EXPORTER_PID, and put the environment inside its shell."""
    config = tmp_path / "exporter.yaml"
    config.write_text(CONFIG)
    with exporter_process(config) as (host, process):
        monkeypatch.setenv("JUMPSTARTER_HOST", host)
        monkeypatch.setenv("EXPORTER_PID", str(process.pid))
        yield host


@pytest.fixture
def example_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the board of the examples from a process of its own, and put the environment inside its shell."""
    with exporter_process(Path(__file__).parents[2] / "examples" / "board.yaml") as (host, _):
        monkeypatch.setenv("JUMPSTARTER_HOST", host)
        yield


@pytest.fixture(scope="session")
def board_python() -> Iterator[str]:
    """A program in place of Python, whose processes have imported what a suite with boards needs."""
    with forks("pytest_jumpstarter.run", "JumpstarterLibrary.client", plugins=True) as program:
        yield program


@pytest.fixture
def forked(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, board_python: str) -> None:
    """Let the suites that run in a process of their own run in a fork: most of their time is imports."""
    start = pytester.popen

    def popen(command: Sequence[str | os.PathLike[str]], *arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        python, *rest = command
        return start([board_python if python == sys.executable else python, *rest], *arguments, **options)

    monkeypatch.setattr(pytester, "popen", popen)


@pytest.fixture(scope="session")
def python() -> Iterator[str]:
    """A program in place of Python, whose processes have imported other packages and nothing of ours."""
    with forks("pytest", "grpc", "google.protobuf.descriptor_pb2", "yaml", plugins=False) as program:
        yield program
