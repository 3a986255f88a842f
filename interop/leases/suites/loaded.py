"""Upstream's command line, imported once: each command is a process that is forked from this one.

Run by upstream's interpreter, in one of two ways. With arguments, each is the words of a ``j``, and the first that
fails is the last. Without, standard input is a socket. A message on it is a command as JSON, with three file
descriptors: standard output, standard error, and where to tell the command's process and, when it has ended, its exit
code. It ends when the socket does.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import selectors
import shlex
import signal
import socket
import sys
import threading
from pathlib import Path

PROGRAMS = {"jmp": "jumpstarter_cli.jmp", "j": "jumpstarter_cli.j"}
CLIENTS = "jumpstarter_driver_pyserial.client"
MESSAGE = 1 << 20
DESCRIPTORS = 256


def serve() -> tuple[str, ...]:
    """Fork a process for each command; return in that process, with the command, and never in this one."""
    for module in PROGRAMS.values():
        importlib.import_module(module)
    requests = socket.socket(fileno=os.dup(0))
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not requests:
                    selector.unregister(key.fileobj)
                    end(key.fd, *key.data)
                    continue
                message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE, 3)
                if not message:
                    sys.exit()
                out, err, answer = descriptors
                request = json.loads(message)
                if "shell" in request["command"][1:2]:
                    # The classes of a board's clients, which every shell imports.
                    importlib.import_module(CLIENTS)
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    requests.close()
                    return begin(request, out, err)
                os.close(out)
                os.close(err)
                os.write(answer, f"{pid}\n".encode())
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, answer))


def begin(request: dict[str, object], out: int, err: int) -> tuple[str, ...]:
    """Make this process what a shell makes of a command: its session, environment, input and output."""
    os.setsid()
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    os.closerange(3, DESCRIPTORS)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return tuple(request["command"])


def end(handle: int, pid: int, answer: int) -> None:
    """Tell how a command has ended."""
    os.close(handle)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(answer, f"{code}\n".encode())
    os.close(answer)


def leave(code: int) -> None:
    """End this process as the interpreter does, but without taking every module apart, which takes most of the time."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def each(lines: list[str]) -> tuple[str, ...]:
    """Fork a process for each command of ``j``, one after another; return in that process, and never in this one."""
    for module in (PROGRAMS["j"], CLIENTS):
        importlib.import_module(module)
    for line in lines:
        pid = os.fork()
        if pid == 0:
            return ("j", *shlex.split(line))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            sys.exit(f"j {line} ended with {code}")
    sys.exit()


def main() -> None:
    """Be the command in each process that is forked."""
    sys.argv = list(each(sys.argv[1:]) if sys.argv[1:] else serve())
    program = Path(sys.argv[0]).name
    try:
        getattr(importlib.import_module(PROGRAMS[program]), program)()
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        leave(ended.code or 0)


if __name__ == "__main__":
    main()
