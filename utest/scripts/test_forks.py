"""A fork runs a program as a fresh interpreter does: streams, environment, folder, signals and status are its own."""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts import forks

PROGRAM = """
import atexit, os, sys, time

atexit.register(print, "over")
print(sys.argv[1:], os.getcwd(), os.environ.get("COLOUR"), __name__, sys.stdin.read())
print("trouble", file=sys.stderr)
if "wait" in sys.argv:
    print(os.getpid())
    time.sleep(60)
if "raise" in sys.argv:
    raise LookupError("no such board")
sys.exit(3)
"""

IMPORTED = """
import os
os.environ["SET_BY_IMPORT"] = os.environ["SET_FOR_IMPORT"] = "imported"
imported_in = os.getpid()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a module that is imported before, and the program."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "imported.py").write_text(IMPORTED)
    (folder / "program.py").write_text(PROGRAM)
    (folder / "folder").mkdir()
    return folder


@pytest.fixture(scope="module")
def launchers(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server for programs that end as all do, and one for programs that end quickly."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "SET_FOR_IMPORT": "before", "ONLY_OF_SERVER": "yes"}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                forks.forks("imported", "scripts.forks", quick=name == "quick", environment=environment)
            )
            for name in ("forked", "quick")
        }


@pytest.fixture(params=["forked", "quick"])
def launcher(request: pytest.FixtureRequest, launchers: dict[str, str]) -> str:
    return launchers[request.param]


def environment_for(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "COLOUR": "red", "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1", **more}


@pytest.fixture(params=["forked", "quick", "fresh"])
def environment(request: pytest.FixtureRequest, launchers: dict[str, str], folder: Path) -> dict[str, str]:
    more = {forks.VARIABLE: launchers[request.param]} if request.param in launchers else {}
    return environment_for(folder, **more)


def start(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return forks.start("program", *arguments, environment=environment, cwd=folder / "folder")


def started(environment: dict[str, str], folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a program that waits, and return its launcher's process and its own id when it does."""
    process = start(environment, folder, "wait")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("['wait']")
    assert process.stdout.readline() == "trouble\n"
    pid = int(process.stdout.readline())
    assert forks.program(process.pid) == pid
    assert forks.program(pid) == pid
    assert process.poll() is None
    return process, pid


def output(launcher: str, *arguments: str, **more: str) -> str:
    command = [launcher, *arguments]
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_program_has_all_that_is_its_own(environment: dict[str, str], folder: Path) -> None:
    text, _ = start(environment, folder, "a", "b c").communicate(timeout=60)
    assert text == f"['a', 'b c'] {folder / 'folder'} red __main__ \ntrouble\nover\n"


def test_its_status_is_told(environment: dict[str, str], folder: Path) -> None:
    process = start(environment, folder)
    process.communicate(timeout=60)
    assert process.returncode == process.poll() == process.wait() == 3
    forks.send_signal(process, signal.SIGKILL)  # which does nothing any more


def test_an_error_is_shown(environment: dict[str, str], folder: Path) -> None:
    process = start(environment, folder, "raise")
    text, _ = process.communicate(timeout=60)
    assert "LookupError: no such board\n" in text
    assert text.endswith("over\n")
    assert process.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("send", [subprocess.Popen.send_signal, forks.send_signal])
def test_signals_end_it(
    environment: dict[str, str], folder: Path, number: int, send: Callable[[subprocess.Popen[str], int], None]
) -> None:
    process, pid = started(environment, folder)
    watched = os.pidfd_open(pid)
    send(process, number)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == -number
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)


def test_an_interruption_comes_once(environment: dict[str, str], folder: Path) -> None:
    process, _ = started(environment, folder)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert text.count("KeyboardInterrupt") == 1
    assert text.endswith("over\n")
    assert process.returncode == -signal.SIGINT


def test_it_stands_still_and_goes_on(environment: dict[str, str], folder: Path) -> None:
    process, pid = started(environment, folder)
    for number, states in ((signal.SIGSTOP, "T"), (signal.SIGCONT, "SR")):
        forks.send_signal(process, number)
        end = time.monotonic() + 60
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in states:
            assert time.monotonic() < end
    forks.send_signal(process, signal.SIGSTOP)
    forks.send_signal(process, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_its_errors_can_go_to_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    with (tmp_path / "errors").open("w") as errors:
        process = forks.start("program", environment=environment, stderr=errors)
    assert process.communicate(timeout=60)[0].endswith("\nover\n")
    assert (tmp_path / "errors").read_text() == "trouble\n"


def test_what_takes_too_long_is_told(environment: dict[str, str], folder: Path) -> None:
    process = start(environment, folder, "wait")
    begin = time.monotonic()
    for wait in (process.wait, process.communicate):
        with pytest.raises(subprocess.TimeoutExpired):
            wait(timeout=0.05)
    assert time.monotonic() - begin < 30
    process.kill()
    process.communicate()


def test_a_file_is_run_as_well(launcher: str, folder: Path) -> None:
    for python in (launcher, sys.executable):
        done = subprocess.run(
            [python, "-u", "program.py", "a"],
            cwd=folder,
            env=environment_for(folder),
            input="typed",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (3, "trouble\n")
        assert done.stdout == f"['a'] {folder} red __main__ typed\nover\n"


def test_modules_are_imported_already_and_what_they_set_is_there(launcher: str) -> None:
    code = """
import os, sys
import imported
print(imported.imported_in == os.getpid(), "scripts.forks" in sys.modules)
print(*map(os.environ.get, ("SET_BY_IMPORT", "SET_FOR_IMPORT", "ONLY_OF_SERVER")))
"""
    assert output(launcher, "-c", code) == "False True\nimported None None\n"
    assert output(launcher, "-c", code, SET_BY_IMPORT="mine").endswith("\nmine None None\n")


def test_modules_are_found_where_the_interpreter_finds_them(launcher: str, tmp_path: Path) -> None:
    code = "import sys; print(*sys.path, sep='\\n')"
    (tmp_path / "path.py").write_text(code)
    for command in (["-c", code], ["-m", "path"], [str(tmp_path / "path.py")]):
        forked, fresh = (output(python, *command, PYTHONPATH=str(tmp_path)) for python in (launcher, sys.executable))
        assert forked == fresh


@pytest.mark.parametrize("own", [True, False])
def test_it_leads_a_session_where_its_launcher_does_and_else_a_group(launcher: str, own: bool) -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid())"
    done = subprocess.run([launcher, "-c", code], capture_output=True, text=True, check=True, start_new_session=own)
    assert done.stdout == f"{own} True\n"


def test_what_it_does_not_know_is_left_to_the_interpreter(launcher: str) -> None:
    code = "import os, sys; print('imported' in sys.modules, sys.executable)"
    assert output(launcher, "-I", "-c", code) == f"False {sys.executable}\n"
    assert output(launcher, "-c", code) == f"True {sys.executable}\n"


def test_launchers_that_are_killed_before_they_know_their_program(launcher: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = ["-c", f"open({str(mark)!r}, 'w')"]
    request = marshal.dumps((command, str(tmp_path), dict(os.environ), False))
    for text in (b"", b"\0", struct.pack("I", len(request)), struct.pack("I", len(request)) + request):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(Path(launcher).with_name("socket")))
            socket.send_fds(link, [b"+"], [0, 1, 2])
            link.sendall(text)
            if len(text) > len(request):
                assert select.select([link], [], [], 60)[0]  # not read
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(Path(launcher).with_name("socket")))
    assert output(launcher, "-c", "print('next')") == "next\n"
    assert not mark.exists()
    output(launcher, *command)
    assert mark.exists()


def test_with_plugins_programs_of_the_interpreter_are_forks(folder: Path) -> None:
    with forks.forks("scripts.forks", plugins=True) as launcher:
        assert (
            output(launcher, "-c", "import sys; print(sys.executable, 'pytest' in sys.modules)") == f"{launcher} True\n"
        )


def test_it_ends_with_the_server(folder: Path) -> None:
    with forks.forks("json") as launcher:
        process, pid = started(environment_for(folder, **{forks.VARIABLE: launcher}), folder)
    assert not Path(f"/proc/{pid}").exists()
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == -signal.SIGKILL
    assert not Path(launcher).parent.exists()
    assert forks.VARIABLE not in os.environ


def test_programs_run_at_once(launcher: str, folder: Path) -> None:
    environment = environment_for(folder, **{forks.VARIABLE: launcher})
    first, second = (started(environment, folder)[0] for _ in range(2))
    first.kill()
    first.communicate(timeout=60)
    assert start(environment, folder).communicate(timeout=60)[0].endswith("\nover\n")
    assert second.poll() is None
    second.terminate()
    second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, -signal.SIGTERM)


def test_what_cannot_be_imported_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"), forks.forks("no_such_module_anywhere"):
        pass
    assert "No module named 'no_such_module_anywhere'" in capfd.readouterr().err
