"""Commands on the shells that are installed here, each on a terminal of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.errors import CommandFailed
from JumpstarterLibrary.exporter import Driver, EndOfStream, exportstream

SHELLS = {"bash": ("bash", "--norc", "-i"), "dash": ("dash", "-i"), "busybox": ("busybox", "ash", "-i")}


class Terminal(Driver):
    """A serial port with a shell behind it."""

    def __init__(self, command: tuple[str, ...]) -> None:
        super().__init__()
        self._port, slave = pty.openpty()
        os.set_blocking(self._port, False)
        environ = {"PATH": os.environ["PATH"], "TERM": "vt220", "LANG": "C.UTF-8", "HOME": "/tmp", "PS1": "# "}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, env=environ
        )
        os.close(slave)

    @classmethod
    def client(cls) -> str:
        return "jumpstarter_driver_pyserial.client.PySerialClient"

    @exportstream
    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        yield self

    async def send(self, data: bytes) -> None:
        os.write(self._port, data)

    async def receive(self) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._port, 65536)
            except BlockingIOError:
                pass
            except OSError as error:
                raise EndOfStream from error
            there = asyncio.Event()
            loop.add_reader(self._port, there.set)
            try:
                await there.wait()
            finally:
                loop.remove_reader(self._port)

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._port)


@pytest.fixture(params=[name for name in SHELLS if shutil.which(name)])
def console(request: pytest.FixtureRequest, device_with: Callable[..., Device]) -> Iterator[Console]:
    terminal = Terminal(SHELLS[request.param])
    console = device_with({"console": terminal}).console()
    console.wait_for("# ", 5)
    yield console
    console.close()


COMMANDS: list[tuple[str, str, int]] = [
    ("echo hi", "hi", 0),
    ("(exit 3)", "", 3),
    ("cat <<EOF\nab c\n$((1 + 1))\nEOF", "ab c\n2", 0),
    ("cat <<'EOF'\na'b\\c$x\nEOF", "a'b\\c$x", 0),
    ("printf '%s\\n' 'a\\b\\\\c'", "a\\b\\\\c", 0),
    ('echo "wow!"; echo wow!x; echo "!$"', "wow!\nwow!x\n!$", 0),
    ("echo a!\necho b!!c", "a!\nb!!c", 0),
    ("echo grün 😀 日本", "grün 😀 日本", 0),
    ("echo one # comment", "one", 0),
    ("# only a comment", "", 0),
    ("printf 'a\\n\\n'", "a\n", 0),
    ("f() {\n  echo in f $1\n  return 4\n}\nf x", "in f x", 4),
    ("f y", "in f y", 4),
    ("echo error >&2", "error", 0),
    ("echo -n '[   12.345678] looks like a message of the kernel'",
     "[   12.345678] looks like a message of the kernel", 0),
    (f"echo {'x' * 9000}", "x" * 9000, 0),
    (f"cat <<'EOF'\n{chr(39) * 500}\nEOF", "'" * 500, 0),
    ("yes 0123456789abcde 2>&- | head -n 16384", "\n".join(["0123456789abcde"] * 16384), 0),
]  # fmt: skip


def test_commands_give_what_they_print(console: Console) -> None:
    for command, stdout, status in COMMANDS:
        result = run_command(console, command, 20)
        assert (result.stdout, result.status) == (stdout, status), command


@pytest.mark.parametrize("command", ["echo 'open", "while true; do", "if; then", ")", "}; echo brace", "echo $("])
def test_a_mistake_has_a_status_and_leaves_the_shell_usable(console: Console, command: str) -> None:
    result = run_command(console, command, 5)
    assert result.status in (1, 2)
    assert result.stdout
    assert run_command(console, "echo next", 5).stdout == "next"


@pytest.mark.parametrize("option", ["-e", "-u", "-x", "-v"])
def test_options_of_the_shell_change_nothing(console: Console, option: str) -> None:
    run_command(console, f"set {option}", 5)
    for status in (0, 4):
        result = run_command(console, f"echo out; (exit {status})", 5)
        assert ("out" in result.stdout.splitlines(), result.status) == (True, status)
        assert "JMP" not in result.stdout


@pytest.mark.parametrize("prompt", ["", "JMP", "> ", "a => ", "login: ", r"\n\n# \n", r"\033[1;31m# \033[0m"])
def test_the_prompt_may_be_anything(console: Console, prompt: str) -> None:
    run_command(console, f"PS1='{prompt}'", 5)
    for _ in range(2):
        result = run_command(console, "echo out; false", 5)
        assert (result.stdout, result.status) == ("out", 1)


def test_aliases_change_nothing(console: Console) -> None:
    run_command(console, "alias echo='echo -n'", 5)
    assert run_command(console, "(exit 6)", 5).status == 6


@pytest.mark.parametrize("command", ["cat", "read line", "sleep 100", "trap '' INT; sleep 1.5"])
def test_a_command_that_does_not_end_is_interrupted(console: Console, command: str) -> None:
    begin = time.monotonic()
    with pytest.raises(
        CommandFailed, match=r"did not finish within 1 second and was interrupted\. It printed nothing\.$"
    ):
        run_command(console, command, 1)
    assert time.monotonic() - begin < 6
    assert run_command(console, "echo next", 10).stdout == "next"
