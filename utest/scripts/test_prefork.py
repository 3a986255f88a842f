"""A fork runs a module as a fresh interpreter does: streams, environment, folder, signals and status are its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import prefork

PROGRAM = """
import atexit, os, sys, time

atexit.register(print, "over")
print(sys.argv[1:], os.getcwd(), os.environ.get("COLOUR"), __name__, sys.stdin.read())
print("trouble", file=sys.stderr)
if "wait" in sys.argv:
    time.sleep(60)
sys.exit(3)
"""


@pytest.fixture(scope="module")
def preforked() -> Iterator[prefork.Preforked]:
    with prefork.Preforked() as preforked:
        yield preforked


@pytest.fixture(params=["fork", "fresh"])
def environment(request: pytest.FixtureRequest, preforked: prefork.Preforked, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "folder").mkdir()
    environment = {**preforked.environment, "COLOUR": "red", "PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    if request.param == "fresh":
        del environment[prefork.VARIABLE]
    return environment


def start(environment: dict[str, str], tmp_path: Path, *arguments: str) -> prefork.Process:
    return prefork.start("program", *arguments, environment=environment, cwd=tmp_path / "folder")


def test_a_program_has_all_that_is_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    text, _ = start(environment, tmp_path, "a", "b c").communicate(timeout=60)
    assert text == f"['a', 'b c'] {tmp_path / 'folder'} red __main__ \ntrouble\nover\n"


def test_its_status_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    process = start(environment, tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == process.poll() == process.wait() == 3
    process.kill()  # which does nothing any more


@pytest.mark.parametrize(("act", "status"), [("terminate", -15), ("kill", -9)])
def test_signals_reach_it(environment: dict[str, str], tmp_path: Path, act: str, status: int) -> None:
    process = start(environment, tmp_path, "wait")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("['wait']")
    assert process.stdout.readline() == "trouble\n"
    assert process.poll() is None
    getattr(process, act)()
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == status


def test_its_errors_can_go_to_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w") as errors:
        process = prefork.start("program", environment=environment, stderr=errors)
    assert process.communicate(timeout=60)[0].endswith("\nover\n")
    assert (tmp_path / "errors").read_text() == "trouble\n"


def test_what_takes_too_long_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    process = start(environment, tmp_path, "wait")
    begin = time.monotonic()
    for wait in (process.wait, process.communicate):
        with pytest.raises(subprocess.TimeoutExpired):
            wait(timeout=0.05)
    assert time.monotonic() - begin < 30
    process.kill()
    process.communicate()


def test_it_ends_with_what_has_started_it() -> None:
    with prefork.Preforked() as preforked:
        socket = Path(preforked.environment[prefork.VARIABLE])
        assert socket.exists()
    assert not socket.parent.exists()
    assert prefork.VARIABLE not in os.environ
