"""Commands and logins on a virtual board's console; the sentences are asserted in atest/05."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import CommandFailed, LoginFailed, UsageError
from JumpstarterLibrary.exporter import HostedExporter
from JumpstarterLibrary.exporter.drivers.virtual import VirtualBoard
from utest.client.serial_port import all_at_rest, watch_board

pytestmark = pytest.mark.usefixtures("skipping")


@pytest.fixture(params=[{}, {"noise": 5.0, "bracketed_paste": True}], ids=["quiet", "noisy"])
def board(
    request: pytest.FixtureRequest, serving: Callable[..., HostedExporter], connecting: Callable[..., Device]
) -> Device:
    settings = {"speed": 50.0, "preinstalled": {"hostname": "unit", "password": "secret"}, **request.param}
    board = VirtualBoard(**settings)
    device = connecting(serving(board).host)
    watch_board(board, device.console())
    return device


@pytest.fixture
def console(board: Device) -> Console:
    board.client.power.on()
    log_in(board.console(), "root", "secret", 20)
    return board.console()


def test_output_and_status_are_the_commands_own(console: Console) -> None:
    assert run_command(console, "true", 10).status == 0
    failed = run_command(console, "cat /none", 10)
    assert failed.status == 1
    assert "cat: /none: No such file or directory" in failed.stdout


def test_what_is_no_command_is_told_at_once(console: Console) -> None:
    result = run_command(console, "if x", 10)
    assert (result.stdout.partition(" is not")[0], result.status) == ("sh: syntax error: 'if'", 2)
    assert run_command(console, "true", 10).status == 0


def test_many_commands_in_a_row_keep_apart(console: Console) -> None:
    for number in range(50):
        result = run_command(console, f"printf '%s\\n' out{number}; sh -c 'exit {number}'", 10)
        assert result.status == number
        assert without_kernel_messages(result.stdout).strip() == f"out{number}"


def test_the_echo_cannot_answer(console: Console) -> None:
    assert "JMP" not in run_command(console, "echo one", 10).stdout
    assert run_command(console, "false # JMP", 10).status == 1


def test_a_command_that_hangs_is_interrupted_and_the_shell_lives_on(console: Console, skipping: MovableClock) -> None:
    def sleeps() -> bool:
        return without_kernel_messages(console.text(0)).endswith("B\n")

    with (
        skipping.skipping(lambda: sleeps() or all_at_rest()),
        pytest.raises(CommandFailed, match=r"^Command 'sleep 100000' did not finish within 30 seconds and was "),
    ):
        run_command(console, "sleep 100000", 30)
    assert "alive" in without_kernel_messages(run_command(console, "echo alive", 10).stdout)


def test_what_cannot_be_typed_is_refused(console: Console) -> None:
    with pytest.raises(UsageError, match=r"^The command is empty\."):
        run_command(console, " \n ")


def test_a_line_may_be_longer_than_terminals_take(console: Console) -> None:
    assert run_command(console, f"echo {'x' * 9000}", 20).stdout == "x" * 9000


def test_login_is_found_from_every_state(board: Device) -> None:
    console = board.console()
    board.client.power.on()
    console.wait_for("login:", 20)
    log_in(console, "root", "secret", 20)
    log_in(console, "root", None, 20)
    console.write(b"exit\n")
    log_in(console, "root", "secret", 20)
    console.write(b"exit\n")
    console.wait_for("login:", 20)
    console.write(b"somebody\n")  # leaves a password prompt
    console.wait_for("assword:", 20)
    log_in(console, "root", "secret", 20)


def test_refused_logins_leave_the_board_usable(board: Device) -> None:
    console = board.console()
    board.client.power.on()
    with pytest.raises(
        LoginFailed, match=r"^The login of 'root' on console 'console' was refused: 'Login incorrect'\."
    ):
        log_in(console, "root", "wrong", 20)
    log_in(console, "root", "secret", 20)
