"""Commands on shells that behave badly: they lose what is typed, hang, restart, or are none at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device, Timing
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.command import run_command
from JumpstarterLibrary.client.consoles.failure_patterns import FailingPattern
from JumpstarterLibrary.errors import CommandFailed, DeviceCrashed, UsageError
from utest.client.serial_port import Port, all_at_rest

MARKERS = re.compile(
    r""":; \{ \\echo "JMP""(?P<token>\w+)B"; \} 2>&-; command eval '(?P<command>.*?)' """
    r"""&& \{ \\echo "\nJMP""\w+E:0:"; \} 2>&- \|\| \{ \\echo "\nJMP""\w+E:\$\?:"; \} 2>&-\n""",
    re.DOTALL,
)

OK = 0


class Shell(Port):
    """Takes what is typed as a shell does, and prints for each whole command what the test says.

    Attributes:
        prints: Returns what a command prints, and its status; None for nothing any more, not even a prompt.
        echo: What comes back of what is typed.
        run: Does what a command does, and says so, with its markers.
        ran: The commands that were run.
    """

    def __init__(self, prints: Callable[[str], tuple[str, int] | str]) -> None:
        super().__init__()
        self.prints = prints
        self.echo: Callable[[bytes], bytes] = lambda data: data
        self.ran: list[str] = []
        self._line = b""

    def begin(self) -> None:
        self.say("board:~# ")

    async def take(self, data: bytes) -> None:
        if b"\x03" in data:
            self._line = b""
            self.say("^C\nboard:~# ")
            data = data.rpartition(b"\x03")[2]
        came = self.echo(data)
        self._line += came
        self.say(came.decode())
        if found := MARKERS.search(self._line.decode()):
            self._line = b""
            self.run(found["token"], found["command"])
        elif data.endswith(b"\n"):
            if b"{" not in self._line:
                self._line = b""
            self.say("> " if self._line else "board:~# ")

    def run(self, token: str, command: str) -> None:
        self.ran.append(command)
        printed = self.prints(command)
        self.say(f"JMP{token}B\n")
        if isinstance(printed, str):
            self.say(printed)
        else:
            self.say(f"{printed[0]}\nJMP{token}E:{printed[1]}:\nboard:~# ")


@pytest.fixture
def start(skipping: MovableClock, device_with: Callable[..., Device]) -> Callable[..., tuple[Shell, Console]]:
    def build(prints: Callable[[str], Any] = lambda command: (f"{command}\n", OK)) -> tuple[Shell, Console]:
        shell = Shell(prints)
        console = device_with({"console": shell}).console()
        shell.watch(console)
        console.wait_for("# ", 5)
        return shell, console

    return build


@pytest.mark.parametrize(
    ("printed", "stdout"),
    [
        ("", ""),
        ("abc\n", "abc"),
        ("abc", "abc"),
        ("\n", ""),
        ("\n\nabc\n\n", "\n\nabc\n"),
        ("a\x1b", "a\x1b"),
        ("a\x1b[", "a\x1b["),
        ("a\x1b]0;title", "a\x1b]0;title"),
        ("a\x1b[1mb\x1b[0m\n", "ab"),
        ("grün \x00 😀\n", "grün  😀"),
    ],
)
def test_what_was_printed(start: Any, printed: str, stdout: str) -> None:
    shell, console = start(lambda _command: (printed, 7))
    result = run_command(console, "x", 5)
    assert (result.stdout, result.status, result.kernel) == (stdout, 7, "")
    assert shell.ran == ["x"]


def test_kernel_messages_are_apart_wherever_they_come(start: Any) -> None:
    def prints(command: str) -> tuple[str, int]:
        shell.say("[    5.000000] before the output\n")
        return "one\nt[    6.000000] usb: x\nwo\r[    6.100000] usb: y\n\n[    7.000000] at its end\n", OK

    shell, console = start(prints)
    shell.say("[    4.000000] earlier\n")
    console.wait_for("earlier\n", 5)
    result = run_command(console, "x", 5)
    assert result.stdout == "one\ntwo"
    assert result.kernel == "[    6.000000] usb: x\n[    6.100000] usb: y\n[    7.000000] at its end"
    assert console.kernel.last == 7.0


def test_a_marker_that_a_kernel_message_cuts(start: Any) -> None:
    shell, console = start()

    def run(token: str, command: str) -> None:
        shell.ran.append(command)
        half = f"JMP{token}"
        shell.say(f"{half[:5]}[    6.000000] usb: x\n{half[5:]}B\nout\n\n")
        shell.say(f"{half}[    6.000001] usb: y\nE:1[    6.000002] usb: z\n2:\nboard:~# ")

    shell.run = run
    shell.say("[    4.000000] earlier\n")
    console.wait_for("earlier\n", 5)
    result = run_command(console, "x", 5)
    assert (result.stdout, result.status) == ("out", 12)


def test_a_saved_panic_behind_a_marker_that_a_kernel_message_cuts(start: Any) -> None:
    shell, console = start()
    console.fail_on("Kernel panic", [FailingPattern.of("Kernel panic")])
    saved = "[    2.000000] Kernel panic - not syncing: of the boot before"

    def run(token: str, _command: str) -> None:
        half = f"JMP{token}"
        shell.say(f"{half[:5]}[    6.000000] usb: x\n{half[5:]}B\n{saved}\n\n{half}E:0:\nboard:~# ")

    shell.run = run
    assert run_command(console, "cat saved", 5).stdout == saved


def test_a_command_that_hangs_behind_a_marker_that_a_kernel_message_cuts(start: Any, skipping: MovableClock) -> None:
    shell, console = start()

    def run(token: str, _command: str) -> None:
        half = f"JMP{token}"
        shell.say(f"{half[:5]}[    6.000000] usb: x\n{half[5:]}B\nout\n")

    shell.run = run
    with skipping.skipping(all_at_rest), pytest.raises(CommandFailed) as caught:
        run_command(console, "x", 30)
    assert str(caught.value) == "Command 'x' did not finish within 30 seconds and was interrupted. It printed:\n  out"


def test_what_dmesg_prints_is_output(start: Any) -> None:
    dmesg = "[    0.000000] Linux version 6.1\n[    3.000000] usb: a\n[    4.000000] earlier\n"
    shell, console = start(lambda _command: (f"{dmesg}[    9.000000] now\n", OK))
    shell.say("[    4.000000] earlier\n")
    console.wait_for("earlier\n", 5)
    result = run_command(console, "dmesg", 5)
    assert result.stdout == dmesg[:-1]
    assert result.kernel == "[    9.000000] now"


@pytest.mark.parametrize("more", ["", "[  100.610000] usb: z\n"])
def test_a_kernel_that_was_never_heard_before_is_asked_for_its_time(start: Any, more: str) -> None:
    noise = "[  100.500000] usb: x\n[  100.600000] usb: y\n"
    old = "[    0.000000] Linux version 6.1\n[   90.000000] usb: a\n"
    answers = {"x": f"one\n{noise}", "dmesg": f"{old}{noise}", "cat /proc/uptime": f"{more}100.60 99.00\n"}
    shell, console = start(lambda command: (answers[command], OK))
    result = run_command(console, "dmesg", 5)
    assert (result.stdout, result.kernel) == (old[:-1], noise[:-1])
    assert shell.ran == ["dmesg", "cat /proc/uptime"]
    assert run_command(console, "x", 5).stdout == f"one\n{noise[:-1]}", "they came out before"
    assert shell.ran == ["dmesg", "cat /proc/uptime", "x"]


def test_where_nobody_knows_the_time_what_looks_like_messages_is_output(start: Any) -> None:
    log = "one\n[  100.500000] usb: x\ntw[  100.600000] usb: y\no\n"
    _, console = start(lambda command: (log if command == "x" else "sh: cat: not found\n", OK))
    result = run_command(console, "x", 5)
    assert (result.stdout, result.kernel) == ("one\n[  100.500000] usb: x\ntwo", "[  100.600000] usb: y")


def test_a_command_whose_first_marker_is_lost(start: Any) -> None:
    shell, console = start()

    def run(token: str, _command: str) -> None:
        shell.say(f"JMPgarbled\nout\n\nJMP{token}E:3:\nboard:~# ")

    shell.run = run
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "x", 5)
    head, _, said = str(caught.value).partition("The console said:\n")
    assert head == ("Command 'x' was run, but the marker before its output was lost; what it printed is not known. ")
    assert "  JMPgarbled\n  out\n" in said


def test_a_line_that_loses_characters_is_not_run_but_typed_again(start: Any) -> None:
    shell, console = start()
    losses = [lambda data: data[1:], lambda data: data[:4] + data[5:]]
    shell.echo = lambda data: losses.pop()(data) if losses and len(data) > 5 else data
    assert run_command(console, "echo hello", 10).stdout == "echo hello"
    assert shell.ran == ["echo hello"]
    assert shell.got.count(b"\x03") == 2


@pytest.mark.parametrize("wrapped", ["", "' && \n{ \\echo"])
@pytest.mark.parametrize("misses", [0, 2])
def test_nothing_is_typed_before_a_shell_has_taken_ctrl_c(
    start: Any, skipping: MovableClock, wrapped: str, misses: int
) -> None:
    shell, console = start()
    losses, early = [lambda data: data[1:]], list[bytes]()
    shell.echo = lambda data: losses.pop()(data) if losses and len(data) > 5 else data
    original, busy = shell.take, list[bool]()

    def finish() -> None:
        busy.clear()
        shell.say("^C\nboard:~# ")

    async def take(data: bytes) -> None:
        if data == b"\x03":
            if not busy:
                shell.say(wrapped)  # the end of the echo comes late, and looks like a prompt where it was wrapped
            busy.append(True)
            if len(busy) <= misses:
                shell.say("^C\n")  # and it goes on with the line
                return
            shell._line = b""
            skipping.call_later(0.9, finish)
            return
        early.extend([data] * bool(busy))
        await original(data)

    shell.take = take
    assert run_command(console, "echo hello", 30).stdout == "echo hello"
    assert early == []


def test_a_line_that_never_arrives_whole(start: Any) -> None:
    shell, console = start()
    shell.echo = lambda data: data[1:] if len(data) > 5 else data
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "reboot now", 20)
    assert re.fullmatch(
        r"""Command 'reboot now' was not run\. ':; { .*'reboot now' && .*' was typed once on console 'console' """
        r"""and did not come back whole, but as '; { .*'reboot now' && .*'\. The line was erased, nothing was """
        r"done\. Type slower with char_delay=, or do not look at the echo\.",
        str(caught.value),
    )
    assert shell.ran == []
    assert shell.got.count(b"reboot now") == 4


def test_once_is_once(start: Any) -> None:
    shell, console = start()
    shell.echo = lambda data: data[1:] if len(data) > 5 else data
    with pytest.raises(CommandFailed, match=r"^Command 'reboot now' was not run\. "):
        run_command(console, "reboot now", 20, once=True)
    assert shell.got.count(b"reboot now") == 1


def test_a_command_that_nobody_took_is_typed_again(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    shell, console = start()
    deaf = [True]
    shell.echo = lambda data: b"" if deaf else data

    original = shell.take

    async def take(data: bytes) -> None:
        if deaf:
            # It wakes up with the newline that comes before the second try.
            if shell.got.count(b"\n") > 4:
                deaf.clear()
                shell.say("board:~# ")
            return
        await original(data)

    shell.take = take
    assert run_command(console, "echo hello", 10).stdout == "echo hello"
    assert shell.ran == ["echo hello"]
    assert "Command 'echo hello' was not taken on console 'console'; it is typed again." in [
        record.getMessage() for record in caplog.records
    ]


def test_an_unfinished_line_of_before_is_given_up(start: Any) -> None:
    shell, console = start()
    original, quoted = shell.take, [True]

    async def take(data: bytes) -> None:
        if quoted and b"\x03" not in data:
            shell.say(data.decode() + ("> " if data.endswith(b"\n") else ""))
            return
        quoted.clear()
        await original(data)

    shell.take = take
    assert run_command(console, "echo hello", 10).stdout == "echo hello"


def test_a_shell_that_is_busy_gets_its_command_only_once(start: Any, skipping: MovableClock) -> None:
    shell, console = start()

    def run(token: str, command: str) -> None:
        shell.ran.append(command)
        skipping.call_later(
            3 * console.timing.answer_timeout, lambda: shell.say(f"JMP{token}B\nlate\n\nJMP{token}E:0:\n")
        )

    shell.run = run
    assert run_command(console, "x", 10).stdout == "late"
    assert skipping.seconds() > 3 * console.timing.answer_timeout
    assert shell.ran == ["x"]


def test_a_comment_wakes_a_board_that_eats_a_character(start: Any) -> None:
    shell, console = start()
    run_command(console, "true", 10)
    run_command(console, "true", 10)
    assert shell.got.startswith(b"\x15#\n:; ")
    assert shell.got.count(b"\n:; ") == 2


def test_what_was_left_unfinished_is_given_up_before_the_command(start: Any) -> None:
    shell, console = start()
    console.write(b"echo 'open {\n")
    console.wait_for("\n> ", 5)
    assert run_command(console, "echo hello", 10).stdout == "echo hello"
    assert shell.got.startswith(b"echo 'open {\n\x03:; ")


def test_a_command_that_ends_the_shell(start: Any, skipping: MovableClock) -> None:
    shell, console = start(lambda _command: "logout\n\nBoard 1.0\n\nboard login: ")
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "exit 3", 20)
    assert str(caught.value) == (
        "Command 'exit 3' ended the shell itself; console 'console' asks for a login again. In parentheses, a command "
        "ends no more than itself."
    )
    assert skipping.seconds() < 5
    assert not shell.got.endswith(b"\x03")


def test_a_command_that_only_asks_like_a_login(start: Any, skipping: MovableClock) -> None:
    shell, console = start()

    def run(token: str, _command: str) -> None:
        shell.say(f"JMP{token}B\nboard login: ")
        skipping.call_later(0.4, lambda: shell.say(f"root\n\nJMP{token}E:0:\nboard:~# "))

    shell.run = run
    assert run_command(console, "./ask", 20).stdout == "board login: root"


BANNER = "\n\nU-Boot 2026.01 (Jan 05 2026)\n\nDRAM: 1 GiB\n"


def test_a_restart_that_was_not_expected(start: Any, skipping: MovableClock) -> None:
    shell, console = start(lambda _command: BANNER)
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "reboot -f", 20)
    assert str(caught.value) == (
        "Command 'reboot -f' did not end: the board restarted. The console said: 'U-Boot 2026.01 (Jan 05 2026)'. "
        "Where that is meant, say so with restarts=True."
    )
    assert skipping.seconds() < 5
    assert b"\x03" not in shell.got, "that would stop the boot"


RESTARTS = {
    "U-Boot": BANNER,
    "U-Boot of before 2008": "U-Boot 1.1.4 (Apr  2 2014)\n",
    "kernel": "[    0.000000] Linux version 6.1\n",
    "kernel, Arm": "[    0.000000] Booting Linux on 0x0\n",
    "kernel, caller": "[    0.000000][    T0] Linux version 6.1\n",
    "SeaBIOS": "SeaBIOS (version 1.16.2-debian-1.16.2-1)\n",
    "EDK II": "BdsDxe: loading Boot0001\n",
    "GRUB": "GNU GRUB  version 2.06\n",
    "TF-A": "NOTICE:  Booting Trusted Firmware\n",
    "Barebox": "barebox 2023.05.0 #1\n",
    "coreboot": "coreboot-4.19 Thu Jan 01 1970 x86_32 bootblock starting...\n",
    "power, and a quiet kernel": "[   12.345678] reboot: Restarting system\n\nWelcome to Board\n",
    "power, and nothing more": "[   12.345678] reboot: Restarting system\n",
    "nothing but the login": "Requesting system reboot\n\nBoard 1.0\n\nboard login: ",
    "nothing but Enter": "Requesting system reboot\n\nPlease press Enter to activate this console. ",
}


@pytest.mark.parametrize("said", RESTARTS.values(), ids=RESTARTS)
def test_a_restart_that_was_expected(start: Any, said: str) -> None:
    shell, console = start(lambda _command: f"The system is going down NOW!\n{said}")
    result = run_command(console, "reboot -f", 60, restarts=True)
    assert (result.stdout.partition("\n")[0], result.status) == ("The system is going down NOW!", None)
    assert not shell.got.endswith(b"\x03")


@pytest.mark.parametrize("said", [said for name, said in RESTARTS.items() if not name.startswith("kernel")])
def test_a_restart_during_a_command_ends_it(start: Any, skipping: MovableClock, said: str) -> None:
    shell, console = start(lambda _command: f"working\n{said}")
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "sleep 100", 200)
    assert re.fullmatch(
        r"Command 'sleep 100' did not end: the (board restarted|system went down)\. The console said: '.+'\. "
        r"Where that is meant, say so with restarts=True\.",
        str(caught.value),
    )
    assert skipping.seconds() < 5
    assert not shell.got.endswith(b"\x03"), "that would stop the boot"


@pytest.mark.parametrize("ended", [True, False])
def test_a_restart_that_only_a_login_tells(start: Any, skipping: MovableClock, ended: bool) -> None:
    shell, console = start(lambda _command: ("", OK) if ended else "")
    skipping.call_later(9.0, lambda: shell.say("\n\nBoard 1.0\n\nboard login: "))
    assert run_command(console, "reboot", 60, restarts=True).status == (OK if ended else None)


def test_a_restart_that_only_the_kernel_tells(start: Any, skipping: MovableClock) -> None:
    shell, console = start(lambda _command: "[    0.000000] Linux version 6.1\n[    0.100000] smp: up\n")
    shell.say("[    4.000000] earlier\n")
    console.wait_for("earlier\n", 5)
    with pytest.raises(
        CommandFailed, match=r"^Command 'sleep 100' did not end: the board restarted\. The console said: "
    ):
        run_command(console, "sleep 100", 200)
    assert skipping.seconds() < 5


DOWN = "The system is going down NOW!"


def test_nothing_is_typed_while_a_system_goes_down_and_boots(start: Any, skipping: MovableClock) -> None:
    shell, console = start()
    shell.say(f"reboot\n{DOWN}\nSent SIGTERM to all processes\n")
    console.wait_for("all processes\n", 5)
    skipping.call_later(4.0, lambda: shell.say("[   12.345678] reboot: Restarting system\n"))
    skipping.call_later(17.0, lambda: shell.say(f"{BANNER}Hit any key to stop autoboot:  2"))
    skipping.call_later(19.0, lambda: shell.say("\b0\nStarting kernel ...\n"))
    skipping.call_later(25.0, lambda: shell.say("\nboard login: "))
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "hostname", 60)
    assert str(caught.value) == (
        "Command 'hostname' was not run: console 'console' asks for a login ('board login:'). Before that, the system "
        "went down. The console said: 'The system is going down NOW!'. Log in first, with log_in()."
    )
    assert shell.got == b""


def test_a_shell_behind_a_restart_gets_its_command(start: Any, skipping: MovableClock) -> None:
    shell, console = start()
    shell.say(f"reboot\nboard:~# {DOWN}\n")
    console.wait_for("NOW!\n", 5)
    skipping.call_later(12.0, lambda: shell.say(f"{BANNER}\nboard:~# "))
    assert run_command(console, "hostname", 60).stdout == "hostname"


def test_a_system_that_goes_down_for_good(start: Any) -> None:
    shell, console = start()
    shell.say(f"poweroff\n{DOWN}\n[   12.345678] reboot: Power down\n")
    console.wait_for("Power down\n", 5)
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "hostname", 40)
    assert str(caught.value) == (
        "Command 'hostname' was not run: console 'console' came to no shell within 40 seconds (''). Before that, the "
        "system went down. The console said: 'The system is going down NOW!'. If no user is logged in, log in "
        "first, with log_in()."
    )
    assert shell.got == b""


@pytest.mark.parametrize(
    "ordered", ["reboot", "sudo /sbin/reboot", "sync; shutdown -r now", "systemctl -f reboot", "init 6"]
)
def test_an_order_to_restart_is_given_time_to_begin(start: Any, skipping: MovableClock, ordered: str) -> None:
    shell, console = start()
    shell.say(f"{ordered}\nboard:~# ")
    console.wait_for("# ", 5)
    skipping.call_later(1.0, lambda: shell.say(f"{DOWN}\n"))
    skipping.call_later(5.0, lambda: shell.say(f"{BANNER}\nboard login: "))
    with pytest.raises(
        CommandFailed, match=r"asks for a login \('board login:'\)\. Before that, the system went down\."
    ):
        run_command(console, "hostname", 60)
    assert shell.got == b""


def test_a_system_that_goes_down_while_a_command_is_typed(start: Any, skipping: MovableClock) -> None:
    shell, console = start()
    run_command(console, "true", 5)
    typed = len(shell.got)
    shell.echo = lambda data: data[:30] + f"{DOWN}\n".encode() if data.startswith(b":;") else data
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "hostname", 20)
    assert re.fullmatch(
        r"Command 'hostname' was not run: the system went down\. The console said: '.*The system is going down NOW!'\.",
        str(caught.value),
    )
    assert shell.got[typed:].startswith(b":;")
    assert b"\x03" not in shell.got[typed:]
    assert not shell.got.endswith(b"\n")
    assert skipping.seconds() < 5


def test_what_a_command_says_about_restarts_is_none(start: Any) -> None:
    _, console = start(lambda command: (f"{command}\n", OK))
    for command in (f"echo {DOWN}", "echo 'reboot: Restarting system'"):
        assert run_command(console, command, 5).status == OK


def test_a_restart_after_the_command_has_ended(start: Any, skipping: MovableClock) -> None:
    shell, console = start()

    def run(token: str, _command: str) -> None:
        shell.say(f"JMP{token}B\nsoon\n\nJMP{token}E:0:\nboard:~# ")
        skipping.call_later(3.0, lambda: shell.say(f"going down{BANNER}"))

    shell.run = run
    result = run_command(console, "reboot", 20, restarts=True)
    assert (result.stdout, result.status) == ("soon", 0)


def test_a_restart_that_does_not_come(start: Any) -> None:
    _, console = start(lambda _command: ("", 0))
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "reboot", 8, restarts=True)
    assert str(caught.value) == ("Command 'reboot' ended with status 0, but no restart followed in 8 seconds.")


def test_the_log_of_an_earlier_boot_is_no_restart(start: Any) -> None:
    log = f"{BANNER}[    0.000000] Linux version 6.1\nboard login: "
    shell, console = start(lambda _command: (log, OK))
    shell.say("[    4.000000] earlier\n")
    console.wait_for("earlier\n", 5)
    assert run_command(console, "cat boot.log", 20).stdout.strip() == log.strip()


def test_a_crash_ends_a_command(start: Any, skipping: MovableClock) -> None:
    _, console = start(lambda _command: "[    9.000000] Kernel panic - not syncing: sysrq\n")
    console.fail_on("x", [FailingPattern.of("Kernel panic")])
    with pytest.raises(DeviceCrashed, match=r"^The device crashed while the end of command 'crash' was awaited: "):
        run_command(console, "crash", 60)
    assert skipping.seconds() < 3


@pytest.mark.parametrize("before", ["", "[  100.000000] usb 1-1: new device\n"], ids=["unknown", "known"])
@pytest.mark.parametrize("printed", ["", "[   21.136236] Internal error: Oops: 5 [#1] SMP\n[   21.2] saved\n"])
def test_a_kernel_that_oopses_under_a_command_fails_it(start: Any, before: str, printed: str) -> None:
    oops = "[  100.456789] Internal error: Oops: 7 [#1] SMP\n"
    answers = {"cat saved": printed, "modprobe bad": printed + oops, "cat /proc/uptime": "100.80 100.00\n"}
    shell, console = start(lambda command: (answers[command], OK))
    console.fail_on("Internal error", [FailingPattern.of("Internal error:")])
    if before:
        shell.say(before)
        console.wait_for("new device\n", 5)
    assert run_command(console, "cat saved", 20).stdout == printed.rstrip("\n")
    with pytest.raises(DeviceCrashed) as caught:
        run_command(console, "modprobe bad", 20)
    assert caught.value.line == oops.strip()


def test_what_a_line_editor_would_act_on_is_refused(start: Any) -> None:
    _, console = start()
    with pytest.raises(UsageError) as caught:
        run_command(console, "echo a\tb")
    assert str(caught.value) == (
        r"The command holds the control character '\t', which a shell's line editor would act on. Let printf make it "
        "on the device, or write the command to a file there."
    )


def test_a_command_of_several_lines(start: Any) -> None:
    shell, console = start()
    assert run_command(console, "cat <<X\nhello\nX", 5).stdout == "cat <<X\nhello\nX"
    assert shell.ran == ["cat <<X\nhello\nX"]


def test_a_megabyte(start: Any) -> None:
    text = "".join(f"{number:07d} 0123456789\n" for number in range(55_000))
    _, console = start(lambda _command: (text, OK))
    assert run_command(console, "x", 30).stdout == text[:-1]


LOGIN = "Board 1.0\n\nboard login: "
ASKS_LOGIN = "console 'console' asks for a login ('board login:'). Log in first, with log_in()."
ASKS_PASSWORD = "console 'console' asks for a password ('Password:'). Log in first, with log_in()."
BOOT_LOADER = (
    "a boot loader waits on console 'console' ('=>'). Boot the system first, for example with ensure('shell') of the "
    "device's states."
)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (LOGIN, ASKS_LOGIN),
        (f"{LOGIN}[    5.000000] usb: x\n", ASKS_LOGIN),
        (f"{LOGIN}root\nPassword: ", ASKS_PASSWORD),
        ("DRAM: 1 GiB\n=> ", BOOT_LOADER),
        ("DRAM: 1 GiB\nU-Boot> ", BOOT_LOADER.replace("=>", "U-Boot>")),
        ("DRAM: 1 GiB\nSCM_SMPS_UBOOT # ", BOOT_LOADER.replace("=>", "SCM_SMPS_UBOOT #")),
        ("Welcome to GRUB!\ngrub> ", BOOT_LOADER.replace("=>", "grub>")),
    ],
)
def test_nothing_is_typed_where_no_shell_waits(
    start: Any, skipping: MovableClock, typed: bool, said: str, sentence: str
) -> None:
    shell, console = start()
    if typed:
        run_command(console, "true", 5)
    shell.got.clear()
    shell.say(f"exit\n{said}")
    console.wait_for(said.splitlines()[-1], 5, expect_restart=True)
    begin = skipping.seconds()
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname -r")
    assert str(caught.value) == f"Command 'uname -r' was not run: {sentence}"
    assert skipping.seconds() - begin < 1
    assert shell.got == b""


COUNTDOWN = "Hit any key to stop autoboot:  3 "


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("limit", [None, 4.0])
@pytest.mark.parametrize(
    ("said", "sentence", "patience"),
    [
        (
            "Enter PIN: ",
            "console 'console' asks 'Enter PIN:'. Answer it first, for example with write() of the console.",
            Timing().nudge_delay,
        ),
        (
            "Please enter passphrase for disk root: ",
            "console 'console' asks 'Please enter passphrase for disk root:'. Answer it first, for example with "
            "write() of the console; where the board unlocks the disk by itself, give it more time with the timing's "
            "unlock_timeout.",
            Timing().unlock_timeout,
        ),
        (
            COUNTDOWN,
            f"console 'console' still shows the countdown of a boot ('{COUNTDOWN.strip()}'). Boot the system first, "
            "for example with ensure('shell') of the device's states.",
            Timing().boot_silence,
        ),
    ],
)
def test_a_prompt_that_may_go_away_by_itself_is_waited_for(
    start: Any, skipping: MovableClock, typed: bool, said: str, sentence: str, patience: float, limit: float | None
) -> None:
    shell, console = start()
    if typed:
        run_command(console, "true", 5)
    shell.got.clear()
    shell.say(f"\n{said}")
    console.wait_for(said, 5)
    begin = skipping.seconds()
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname -r", limit)
    assert str(caught.value) == f"Command 'uname -r' was not run: {sentence}"
    waited = skipping.seconds() - begin
    assert waited == pytest.approx(min(patience, limit or patience), abs=0.5)
    assert shell.got == b""


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("pause", [0.1, 1.0])
@pytest.mark.parametrize("last", ["board:~# ", LOGIN, "=> "], ids=["shell", "login", "boot loader"])
def test_a_boot_is_not_stopped_by_a_command(
    start: Any, skipping: MovableClock, typed: bool, pause: float, last: str
) -> None:
    shell, console = start()
    if typed:
        run_command(console, "true", 5)
    shell.got.clear()
    shell.say(f"\n{COUNTDOWN}")
    console.wait_for(COUNTDOWN, 5)
    early: list[bytes] = []
    counts = [f"\b\b\b{count:2} " for count in range(30, -1, -1)]
    messages = [f"[{second:5}.000000] usb: x\n" for second in range(1, 5)]
    pieces = [*counts, "\n", "Starting kernel ...\n", *messages, last]

    def go_on() -> None:
        early.append(bytes(shell.got))
        shell.say(pieces.pop(0))
        if pieces:
            skipping.call_later(pause if len(pieces) > 7 else 5.0, go_on)

    skipping.call_later(pause, go_on)
    if last == "board:~# ":
        assert run_command(console, "x", 90).stdout == "x"
    else:
        with pytest.raises(CommandFailed, match=r"^Command 'x' was not run: "):
            run_command(console, "x", 90)
        assert shell.got == b""
    assert set(early) == {b""}


def test_a_boot_that_takes_longer_than_a_command(start: Any, skipping: MovableClock) -> None:
    shell, console = start()
    shell.say(f"\n{COUNTDOWN}")
    console.wait_for(COUNTDOWN, 5)
    skipping.call_later(3.0, lambda: shell.say("\nStarting kernel ..."))
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "x", 6)
    assert str(caught.value) == (
        "Command 'x' was not run: console 'console' came to no shell within 6 seconds ('Starting kernel ...'). If no "
        "user is logged in, log in first, with log_in()."
    )
    assert shell.got == b""


ENTER = "Please press Enter to activate this console. "


@pytest.mark.parametrize("typed", [False, True])
def test_enter_is_pressed_where_it_is_asked_for(start: Any, skipping: MovableClock, typed: bool) -> None:
    shell, console = start()
    if typed:
        run_command(console, "true", 5)
    shell.got.clear()
    shell.say(f"\n{ENTER}")
    console.wait_for(ENTER, 5)
    original, early = shell.take, list[bytes]()

    def activate() -> None:
        shell.take = original
        shell.say("BusyBox v1.36\n\n/ # ")

    async def take(data: bytes) -> None:
        early.append(data)
        if len(early) == 1:
            shell.say("\n")
            skipping.call_later(console.timing.answer_timeout / 2, activate)

    shell.take = take
    assert run_command(console, "x", 10).stdout == "x"
    assert early == [b"\n"]
    assert shell.got.startswith(b"\n:; ")


def test_enter_that_is_not_taken(start: Any) -> None:
    shell, console = start()
    shell.got.clear()
    shell.echo = lambda _data: b""
    shell.say(f"\n{ENTER}")
    console.wait_for(ENTER, 5)

    async def take(_data: bytes) -> None:
        pass

    shell.take = take
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "x")
    assert str(caught.value) == (
        f"Command 'x' was not run: console 'console' asks for the Enter key, and did not take it ('{ENTER.strip()}'). "
        "Answer it first, for example with write() of the console."
    )
    assert shell.got == b"\n"


@pytest.mark.parametrize("said", ["last login: \nboard:~# ", "Password: \nboard:~# ", "a => "])
def test_a_shell_prompt_behind_what_looks_like_another_is_one(start: Any, said: str) -> None:
    shell, console = start()
    shell.say(f"\n{said}")
    console.wait_for(said, 5)
    assert run_command(console, "x", 5).stdout == "x"


def test_a_line_that_becomes_another_is_no_prompt(start: Any, skipping: MovableClock) -> None:
    shell, console = start()
    shell.say("\nlast login: ")
    console.wait_for("last login: ", 5)
    skipping.call_later(0.05, lambda: shell.say("today\nboard:~# "))
    assert run_command(console, "x", 5).stdout == "x"


def test_a_silent_console_is_woken_before_it_is_looked_at(start: Any) -> None:
    shell, console = start()

    async def take(_data: bytes) -> None:
        shell.say(f"\n{LOGIN}")

    shell.take = take
    console.power_changes()
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname -r")
    assert str(caught.value) == f"Command 'uname -r' was not run: {ASKS_LOGIN}"
    assert shell.got == b"\x15#\n"


@pytest.mark.parametrize("echo", [True, False])
def test_nothing_is_typed_again_where_a_login_got_it(start: Any, echo: bool) -> None:
    shell, console = start()
    run_command(console, "true", 5)
    shell.got.clear()

    async def take(data: bytes) -> None:
        if echo or data.endswith(b"\n"):
            shell.say(data.decode() + ("Password: " if data.endswith(b"\n") else ""))

    shell.take = take
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname -r")
    assert str(caught.value) == f"Command 'uname -r' was not run: {ASKS_PASSWORD}"
    assert shell.got.count(b"uname") == shell.got.count(b"\n") - shell.got.count(b'"\n') == 1


def test_a_shell_may_prompt_like_a_login(start: Any, eventually: Any) -> None:
    shell, console = start()

    def run(token: str, command: str) -> None:
        shell.say(f"JMP{token}B\n{command}\n\nJMP{token}E:0:\nlogin: ")

    shell.run = run
    assert run_command(console, "PS1='login: '", 5).status == 0
    eventually(lambda: console.text(0).endswith("login: "))
    assert run_command(console, "x", 5).stdout == "x"


NO_POSIX = (
    "Command 'uname' was not run: {} waits on console 'console', which is no POSIX shell. Start a POSIX shell there "
    "first, by typing 'sh' with write() of the console."
)


def test_zsh_is_named(start: Any) -> None:
    _, console = start(lambda _command: ("zsh: command not found: eval\n", 127))
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname", 5)
    assert str(caught.value) == NO_POSIX.format("zsh")


@pytest.mark.parametrize(
    "answer",
    [
        "fish: Expected a command, but found an incomplete token\n:; { \\echo\n        ^\n",
        "fish: $? is not the exit status. In fish, please use $status.\n",
    ],
)
def test_fish_is_named_at_once(start: Any, skipping: MovableClock, answer: str) -> None:
    shell, console = start()
    original = shell.take

    async def take(data: bytes) -> None:
        if data == b"\n" and b":;" in shell.got:
            shell._line = b""
            shell.say(f"\n{answer}\nroot@board ~# ")
        else:
            await original(data)

    shell.take = take
    with pytest.raises(CommandFailed) as caught:
        run_command(console, "uname", 60)
    assert str(caught.value) == NO_POSIX.format("fish")
    assert skipping.seconds() < 10


def test_what_fish_says_to_a_posix_shell_is_output(start: Any) -> None:
    _, console = start(lambda _command: ("fish: Unknown command: x\n", 127))
    assert run_command(console, "fish -c x", 5).status == 127
