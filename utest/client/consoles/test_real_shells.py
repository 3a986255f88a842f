"""Commands on the shells that are installed here, each on a terminal of its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from JumpstarterLibrary.client import Console, Device, Timing
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.errors import CommandFailed
from utest.client.real_shell import Terminal

LIMIT_S = 30.0

SHELLS = {"bash": ("bash", "--norc", "-i"), "dash": ("dash", "-i"), "busybox": ("busybox", "ash", "-i")}


@pytest.fixture(params=[name for name in SHELLS if shutil.which(name)])
def terminal(request: pytest.FixtureRequest) -> Terminal:
    return Terminal(SHELLS[request.param])


@pytest.fixture
def device(clock: MovableClock, terminal: Terminal, device_with: Callable[..., Device]) -> Device:
    return device_with({"console": terminal})


@pytest.fixture
def console(device: Device) -> Iterator[Console]:
    console = device.console()
    console.wait_for("# ", LIMIT_S)
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
        result = run_command(console, command, LIMIT_S)
        assert (result.stdout, result.status) == (stdout, status), command


@pytest.mark.parametrize("command", ["echo 'open", "while true; do", "if; then", ")", "}; echo brace", "echo $("])
def test_a_mistake_has_a_status_and_leaves_the_shell_usable(console: Console, command: str) -> None:
    result = run_command(console, command, LIMIT_S)
    assert result.status in (1, 2)
    assert result.stdout
    assert run_command(console, "echo next", LIMIT_S).stdout == "next"


@pytest.mark.parametrize("option", ["-e", "-u", "-x", "-v"])
def test_options_of_the_shell_change_nothing(console: Console, option: str) -> None:
    run_command(console, f"set {option}", LIMIT_S)
    for status in (0, 4):
        result = run_command(console, f"echo out; (exit {status})", LIMIT_S)
        assert ("out" in result.stdout.splitlines(), result.status) == (True, status)
        assert "JMP" not in result.stdout


@pytest.mark.parametrize("prompt", ["", "JMP", "> ", "a => ", "login: ", r"\n\n# \n", r"\033[1;31m# \033[0m"])
def test_the_prompt_may_be_anything(console: Console, prompt: str) -> None:
    run_command(console, f"PS1='{prompt}'", LIMIT_S)
    for _ in range(2):
        result = run_command(console, "echo out; false", LIMIT_S)
        assert (result.stdout, result.status) == ("out", 1)


def test_aliases_change_nothing(console: Console) -> None:
    run_command(console, "alias echo='echo -n'", LIMIT_S)
    assert run_command(console, "(exit 6)", LIMIT_S).status == 6


def has_begun(console: Console) -> bool:
    """Whether a command runs and has printed nothing, so that nothing is on its way."""
    return console.text(0).endswith("B\n")


@pytest.mark.parametrize(("command", "program"), [("cat", "cat"), ("read line", ""), ("sleep 100", "sleep")])
def test_a_command_that_does_not_end_is_interrupted(
    clock: MovableClock, terminal: Terminal, console: Console, command: str, program: str
) -> None:
    typed: list[int] = []

    def idle() -> bool:
        # Before the program is there, the shell would get Ctrl-C, and wait for the program.
        if not typed and has_begun(console) and program in ("", terminal.foreground):
            typed.append(console.sent)
        return typed == [console.sent]  # until Ctrl-C is typed

    with (
        clock.skipping(idle),
        pytest.raises(
            CommandFailed, match=r"did not finish within 30 seconds and was interrupted\. It printed nothing\.$"
        ),
    ):
        run_command(console, command, LIMIT_S)
    assert run_command(console, "echo next", LIMIT_S).stdout == "next"


@pytest.mark.parametrize("terminal", [name for name in SHELLS if name != "dash" and shutil.which(name)], indirect=True)
def test_a_shell_that_stands_still_while_a_line_is_typed(
    clock: MovableClock, terminal: Terminal, device: Device, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, stopped_at = terminal.send, list[int]()

    async def send_slowly(data: bytes) -> None:
        if data.startswith(b":;") and not stopped_at:
            begin = console.end
            await send(data[:-20])
            while console.end < begin + len(data) - 20:
                await asyncio.sleep(0.005)
            terminal.stop()
            device.timing = Timing(answer_timeout=LIMIT_S)
            stopped_at.append(console.sent)
            data = data[-20:]
        await send(data)
        if data == b"\x03":
            # Later than a console is taken for quiet.
            asyncio.get_running_loop().call_later(6 * console.timing.prompt_settle, terminal.go_on)

    run_command(console, "echo first", LIMIT_S)
    monkeypatch.setattr(terminal, "send", send_slowly)
    device.timing = Timing(echo_timeout=LIMIT_S)  # a busy machine is no reason to press Ctrl-C
    with clock.skipping(lambda: stopped_at == [console.sent]):
        result = run_command(console, "echo out; false", 3 * LIMIT_S)
    assert (result.stdout, result.status) == ("out", 1)


def test_a_command_that_cannot_be_interrupted(clock: MovableClock, console: Console, tmp_path: Path) -> None:
    with (
        clock.skipping(lambda: has_begun(console)),
        pytest.raises(
            CommandFailed, match=r"did not finish within 30 seconds and was interrupted\. It printed nothing\.$"
        ),
    ):
        run_command(console, f"trap '' INT; until [ -e {tmp_path}/end ]; do sleep 0.05; done", LIMIT_S)
    (tmp_path / "end").touch()
    assert run_command(console, "echo next", LIMIT_S).stdout == "next"
