"""Start Python programs as forks of a process that has imported what they need: each saves a second of processor time.

What `forks` yields is the path of a program, the launcher, that stands in for the interpreter: ``LAUNCHER -m MODULE``,
``LAUNCHER -c TEXT`` and ``LAUNCHER FILE``; with other options it is the interpreter. It hands its command to a server,
which forks. What runs is a process of its own, with the launcher's arguments, environment, working directory and
standard streams; it has a session of its own where the launcher has one, and a process group. The launcher passes
SIGHUP, SIGINT and SIGTERM on to it and ends as it does; where the launcher is killed or the server ends, it is killed
too. All other signals have to be sent to the process itself, see `program` and `send_signal`.

This file is run by the interpreter whose processes are to be forked, which need not have this project.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import marshal
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]

VARIABLE = "FORKED_PYTHON"
"""Names the launcher in the environment of a program that starts further ones; see `start`."""

READY = b"ready\n"

NAME = "fork "
"""How the name of a launcher begins, as ``ps`` shows it; the id of its program follows."""

LAUNCHER = """#!{python} -IS
import _signal, _socket, marshal, os, struct, sys
if sys.argv[1:2] == [] or sys.argv[1][:1] == "-" and sys.argv[1][:2] not in ("-m", "-c", "-u", "-B", "-W"):
    os.execv({interpreter!r}, [{interpreter!r}, *sys.argv[1:]])
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
link.connect({address!r})
link.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))])
request = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ), os.getsid(0) == os.getpid()))
link.sendall(struct.pack("I", len(request)) + request)
nothing = os.open(os.devnull, os.O_RDWR)
for stream in range(3):
    os.dup2(nothing, stream)
pid, = struct.unpack("i", link.recv(4))
with open("/proc/self/comm", "w") as name:
    name.write({name!r} + str(pid))
def pass_on(number, frame):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, pass_on)
link.sendall(b"+")
status, = struct.unpack("i", link.recv(4) or struct.pack("i", 1 << 8))
if os.WIFSIGNALED(status):
    if os.WTERMSIG(status) != _signal.SIGKILL:
        _signal.signal(os.WTERMSIG(status), _signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""


@contextmanager
def forks(
    *modules: str,
    plugins: bool = False,
    quick: bool = False,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run a server, and yield the path of the launcher; afterwards kill what runs still.

    Args:
        modules: What is imported already in each process; this project's modules are found.
        plugins: Whether pytest has imported its plugins, too. ``sys.executable`` is then the launcher, so that workers
            of pytest-xdist are forks as well.
        quick: Whether each process ends without taking its modules apart, which takes most of the time of a short one.
        python: The interpreter.
        environment: The environment that the modules are imported with. Default: this process's without PYTHONPATH.

    Raises:
        RuntimeError: The modules could not be imported.
    """
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        address, launcher = str(Path(folder, "socket")), Path(folder, "python")
        launcher.write_text(LAUNCHER.format(python=sys.executable, interpreter=python, address=address, name=NAME))
        launcher.chmod(0o700)
        request = {"address": address, "launcher": str(launcher), "plugins": plugins, "quick": quick}
        with subprocess.Popen(
            [python, "-P", __file__, json.dumps({**request, "modules": modules})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
            # An interruption by the terminal comes to each program once, from its launcher.
            start_new_session=True,
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                if server.stdout.readline() != READY:
                    raise RuntimeError("The process that is to be forked did not start; its message is above.")
                yield str(launcher)
            finally:
                server.stdin.close()


def start(
    *arguments: str, environment: Mapping[str, str], stderr: IO[Any] | None = None, cwd: Path | None = None
) -> subprocess.Popen[str]:
    """Start ``python -m`` with these arguments.

    Args:
        arguments: The module and its arguments.
        environment: Its environment; with `VARIABLE` in it, it is a fork, else a fresh interpreter.
        stderr: Where its errors go. Default: where its output goes, into a pipe.
        cwd: Its working directory. Default: that of this process.
    """
    return subprocess.Popen(
        [environment.get(VARIABLE, sys.executable), "-m", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if stderr is None else stderr,
        encoding="utf-8",
        env=dict(environment),
        cwd=cwd,
    )


def program(pid: int) -> int:
    """Return the process that a launcher has started, and any other process itself."""
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text()
        if name.startswith(NAME):
            return int(name.removeprefix(NAME))
    return pid


def send_signal(process: subprocess.Popen[Any], number: int) -> None:
    """Send a signal to a program that may have been started by a launcher, unless it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(program(process.pid), number)


def _import(modules: Sequence[str], plugins: bool) -> None:
    """Import what the programs would; pytest imports it, so that assertions in plugins are rewritten."""
    if not plugins:
        for module in modules:
            importlib.import_module(module)
        return
    import pytest

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text("".join(f"import {module}\n" for module in modules))
        # The one for reruns starts a thread, which forks would not have.
        options = ["-qq", "-p", "no:cacheprovider", "-p", "no:rerunfailures", "--rootdir", folder]
        status = pytest.main([*options, folder])
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED, status


class _Program:
    """A program that runs, or waits until its launcher knows it.

    Attributes:
        sources: The handles that become readable when its launcher says something or is gone, and when it has ended.
    """

    def __init__(self, pid: int, link: socket.socket, knowing: int) -> None:
        self._pid = pid
        self._link = link
        self._knowing = knowing
        self._ended = os.pidfd_open(pid)
        self.sources = [link.fileno(), self._ended]
        self._say(pid)

    def attend(self, source: int) -> None:
        """Let it begin when its launcher knows it, kill it when that is gone, and tell how it has ended."""
        if source == self._ended:
            _, status = os.waitpid(self._pid, 0)
            self._say(status)
            self.close()
        elif self._is_known():
            os.write(self._knowing, b"+")
        else:
            self.sources.remove(source)
            self.kill()

    def kill(self) -> None:
        """Kill it."""
        os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Forget it."""
        self.sources.clear()
        self._link.close()
        os.close(self._ended)
        os.close(self._knowing)

    def _is_known(self) -> bool:
        try:
            return self._link.recv(1) == b"+"
        except ConnectionResetError:  # the launcher was killed before it has read
            return False

    def _say(self, number: int) -> None:
        with contextlib.suppress(ConnectionError):
            self._link.sendall(struct.pack("i", number))


def _serve(address: str, defaults: Mapping[str, str]) -> list[str]:
    """Fork for each request, until stdin ends, and kill what runs then; return a program's arguments in its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    programs: list[_Program] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, READY)
        while True:
            sources = {source: program for program in programs for source in program.sources}
            readable, _, _ = select.select([listener.fileno(), 0, *sources], [], [])
            if 0 in readable:
                break
            for source in readable:
                # One that has ended has no sources any more.
                if source in sources and source in sources[source].sources:
                    sources[source].attend(source)
            programs = [program for program in programs if program.sources]
            if listener.fileno() in readable:
                link, _ = listener.accept()
                arguments = _fork(link, programs, defaults)
                if arguments is not None:
                    return arguments
    for program in programs:
        program.kill()
        program.attend(program.sources[-1])
    os._exit(0)


def _fork(link: socket.socket, programs: list[_Program], defaults: Mapping[str, str]) -> list[str] | None:
    """Start a program for a launcher; return its arguments in its process, and None in this one."""
    _, streams, _, _ = socket.recv_fds(link, 1, 3)
    with link.makefile("rb") as reader:
        (length,) = struct.unpack("I", reader.read(4).ljust(4, b"\0"))
        request = reader.read(length)
    if not request or len(request) < length:
        # The launcher was killed meanwhile.
        for handle in streams:
            os.close(handle)
        link.close()
        return None
    known, knowing = os.pipe()
    pid = os.fork()
    if pid:
        for handle in (*streams, known):
            os.close(handle)
        programs.append(_Program(pid, link, knowing))
        return None
    for program in programs:
        program.close()
    link.close()
    os.close(knowing)
    if not os.read(known, 1):
        os._exit(1)
    os.close(known)
    return _become(streams, marshal.loads(request), defaults)  # from our launcher


def _become(streams: Sequence[int], request: tuple[Any, ...], defaults: Mapping[str, str]) -> list[str]:
    """Take over a launcher's streams, environment and folder; return its arguments."""
    arguments, folder, environment, session = request
    if session:
        os.setsid()
    else:
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update({**defaults, **environment})
    os.chdir(folder)
    return list(arguments)


def _paths(environment: Mapping[str, str]) -> list[str]:
    """Return the folders of PYTHONPATH."""
    return [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]


def _run(arguments: list[str]) -> None:
    """Do what the interpreter does with its arguments."""
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    paths = _paths(os.environ)
    while (option := arguments.pop(0))[:2] in ("-u", "-B", "-W"):
        if option == "-W":
            sys.warnoptions.append(arguments[0])
            warnings.simplefilter(arguments.pop(0))  # type: ignore[arg-type]
        sys.dont_write_bytecode |= option == "-B"
        unbuffered |= option == "-u"
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=stream is sys.stderr or os.isatty(1), write_through=unbuffered)  # type: ignore[union-attr]
    importlib.invalidate_caches()
    if option[:2] not in ("-m", "-c"):
        assert not option.startswith("-"), option
        sys.path[:0] = [str(Path(option).resolve().parent), *paths]
        sys.argv = [option, *arguments]
        runpy.run_path(option, run_name="__main__")
        return
    kind, what = option[:2], option[2:] or arguments.pop(0)
    sys.path[:0] = ["" if kind == "-c" else str(Path.cwd()), *paths]
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(what, "<string>", "exec"), main.__dict__)


def _run_quickly(arguments: list[str]) -> None:
    """Do so, and end this process as the interpreter does, but without taking every module apart."""
    code = 0
    try:
        _run(arguments)
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


def _main(address: str, launcher: str, plugins: bool, quick: bool, modules: Sequence[str]) -> None:
    """Import, and fork for each request; a fork runs its program."""
    output = os.dup(1)
    os.dup2(2, 1)
    before = dict(os.environ)
    if plugins:
        sys.executable = launcher
    sys.path.insert(0, str(ROOT))
    _import(modules, plugins)
    # What was only for these imports.
    for path in (str(ROOT), *_paths(before)):
        sys.path.remove(path)
    defaults = {name: value for name, value in os.environ.items() if name not in before}
    sys.stdout.flush()
    os.dup2(output, 1)
    os.close(output)
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would be missing in the forks"  # noqa: PTH208
    gc.collect()
    gc.freeze()
    (_run_quickly if quick else _run)(_serve(address, defaults))


if __name__ == "__main__":
    _main(**json.loads(sys.argv[1]))
