"""Child processes that are forks of one in which pytest and its plugins are imported already.

Importing takes most of the time of a child that runs a small suite. Its command is handed to a server, which forks:
what runs is a process with its own id, environment, folder, standard streams and exit status, and ends as any other;
what ends programs in order is passed on to it.
Its `sys.executable` is the launcher, so that workers of pytest-xdist are such processes as well.
"""

from __future__ import annotations

import gc
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
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = b"ready\n"

LAUNCHER = """#!{python} -IS
import _signal, _socket, marshal, os, struct, sys
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
link.connect({address!r})
link.sendmsg([b"+"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))])
request = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ)))
link.sendall(struct.pack("I", len(request)) + request)
nothing = os.open(os.devnull, os.O_RDWR)
for stream in range(3):
    os.dup2(nothing, stream)
pid, = struct.unpack("i", link.recv(4))
for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, lambda number, frame: os.kill(pid, number))
status, = struct.unpack("i", link.recv(4) or struct.pack("i", 1 << 8))
if os.WIFSIGNALED(status):
    if os.WTERMSIG(status) != _signal.SIGKILL:
        _signal.signal(os.WTERMSIG(status), _signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.waitstatus_to_exitcode(status))
"""


@contextmanager
def forks(*modules: str, plugins: bool) -> Iterator[str]:
    """Run a server, and yield the path of a program that stands in for ``python -m MODULE`` and ``python -c TEXT``.

    Args:
        modules: What is imported already in each process.
        plugins: Whether pytest has imported its plugins, too.
    """
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        address, launcher = str(Path(folder, "socket")), Path(folder, "python")
        launcher.write_text(LAUNCHER.format(python=sys.executable, address=address))
        launcher.chmod(0o700)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-P", __file__, address, str(launcher), str(int(plugins)), *modules]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                assert server.stdout.readline() == READY
                yield str(launcher)
            finally:
                server.stdin.close()


def _import(modules: list[str], plugins: bool) -> None:
    """Import what the children would; pytest imports it, so that assertions in plugins are rewritten."""
    if not plugins:
        for module in modules:
            __import__(module)
        return
    import pytest

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "conftest.py").write_text("".join(f"import {module}\n" for module in modules))
        # The one for reruns starts a thread, which forks would not have.
        options = ["-qq", "-p", "no:cacheprovider", "-p", "no:rerunfailures", "--rootdir", folder]
        status = pytest.main([*options, folder])
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED, status


def _serve(address: str) -> list[str]:
    """Fork for each request, until stdin ends; return the arguments of a child in it."""
    children: list[int] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        os.write(1, READY)
        while True:
            readable, _, _ = select.select([listener, 0], [], [])
            ending = 0 in readable
            children = [child for child in children if os.waitpid(child, 0 if ending else os.WNOHANG) == (0, 0)]
            if ending:
                os._exit(0)
            link, _ = listener.accept()
            child = os.fork()
            if child == 0:
                break
            children.append(child)
            link.close()
    return _child(link)


def _child(link: socket.socket) -> list[str]:
    """Fork once more, and return in that process; this one tells the launcher how it has ended."""
    _, streams, _, _ = socket.recv_fds(link, 1, 3)
    with link.makefile("rb") as reader:
        (length,) = struct.unpack("I", reader.read(4))
        arguments, folder, environment = marshal.loads(reader.read(length))  # from our launcher
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        link.sendall(struct.pack("i", pid))
        watched = os.pidfd_open(pid)
        readable, _, _ = select.select([watched, link], [], [])
        if watched not in readable:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if watched in readable:
            link.sendall(struct.pack("i", status))
        os._exit(0)
    link.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    return list(arguments)


def _run(arguments: list[str]) -> None:
    """Do what the interpreter does with its arguments."""
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    while (option := arguments.pop(0))[:2] in ("-u", "-B", "-W"):
        if option == "-W":
            sys.warnoptions.append(arguments[0])
            warnings.simplefilter(arguments.pop(0))  # type: ignore[arg-type]
    kind, what = option[:2], option[2:] or arguments.pop(0)
    assert kind in ("-m", "-c"), option
    sys.path[:0] = ["" if kind == "-c" else str(Path.cwd()), *paths]
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    _address, sys.executable, _plugins, *_modules = sys.argv[1:]
    _output = os.dup(1)
    os.dup2(2, 1)
    _import(_modules, _plugins == "1")
    sys.stdout.flush()
    os.dup2(_output, 1)
    os.close(_output)
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would be missing in the forks"  # noqa: PTH208
    gc.collect()
    gc.freeze()
    _run(_serve(_address))
