"""Logging in where it is difficult: boards that echo passwords, lose characters, run something, or are in U-Boot."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from JumpstarterLibrary.client import Console, Device, Timing
from JumpstarterLibrary.client.clock import MovableClock
from JumpstarterLibrary.client.login import log_in
from JumpstarterLibrary.errors import FaultClass, LoginFailed
from utest.client.serial_port import Port

PASSWORD = "hunter42"


PROMPTS = {"login": "board login: ", "password": "Password: ", "shell": "root@board:~# ", "uboot": "=> ", "quote": "> "}


class Getty(Port):
    """Asks for a name and a password, and is a shell then.

    Attributes:
        state: ``login``, ``password``, ``shell``, ``uboot``, ``busy`` or ``quote`` (only Ctrl-C helps), or ``off``.
        shows_password: Whether it echoes the password.
        losses: How many of the next texts lose their first character.
        noise: What comes out before each prompt and within it.
        lines: What was typed, line by line.
    """

    def __init__(self, state: str) -> None:
        super().__init__()
        self.state = state
        self.shows_password = False
        self.losses = 0
        self.noise = ""
        self.lines: list[str] = []
        self._line = ""
        self._user = ""

    def begin(self) -> None:
        self._prompt()

    def _prompt(self) -> None:
        prompt = PROMPTS.get(self.state, "")
        self.say(self.noise + prompt[:4] + self.noise + prompt[4:] if prompt else "")

    async def take(self, data: bytes) -> None:
        if b"\x03" in data and self.state in ("busy", "quote"):
            self.state, data = "shell", b""
            self.say("^C\n")
            self._prompt()
        if b"\x15" in data or b"\x03" in data:
            self._line, data = "", re.split(rb"[\x03\x15]", data)[-1]
        if self.losses and len(data) > 1:
            self.losses -= 1
            data = data[1:]
        for character in data.decode():
            self._type(character)

    def _type(self, character: str) -> None:
        if self.state in ("off", "busy"):
            return
        if character != "\n":
            self._line += character
            if self.state != "password" or self.shows_password:
                self.say(character)
            return
        self.say("\n")
        line, self._line = self._line, ""
        self.lines.append(line)
        getattr(self, f"_in_{self.state}")(line)
        self._prompt()

    def _in_login(self, line: str) -> None:
        if line:
            self._user, self.state = line, "password"

    def _in_quote(self, line: str) -> None:
        # A message of the kernel whose begin the line editor has overwritten.
        self.say("330.179223] virtual-adc 1a300000.adc: conversion done, 8 channels\n" if line else "")

    def _in_password(self, line: str) -> None:
        if (self._user, line) == ("root", PASSWORD):
            self.state = "shell"
        else:
            self.say("\nLogin incorrect\n")
            self.state = "login"

    def _in_shell(self, line: str) -> None:
        if found := re.match(r'echo JMP""(\w{8})E:\$\(echo 42\):', line):
            self.say(f"JMP{found[1]}E:42:\n")
        if found := re.match(r':; \{ \\echo "JMP""(\w{8})B"', line):
            self.say(f"JMP{found[1]}B\n\nJMP{found[1]}E:0:\n")

    def _in_uboot(self, line: str) -> None:
        if line:
            self.say(f"Unknown command '{line}' - try 'help'\n")


@pytest.fixture
def start(
    skipping: MovableClock, device_with: Callable[..., Device], tmp_path: Path
) -> Callable[..., tuple[Getty, Console]]:
    def build(state: str, **settings: Any) -> tuple[Getty, Console]:
        getty = Getty(state)
        vars(getty).update(settings)
        device = device_with({"console": getty})
        device.transcripts = tmp_path
        console = device.console()
        getty.watch(console)
        return getty, console

    return build


@pytest.fixture
def start_noisy(start: Any, skipping: MovableClock) -> Callable[..., tuple[Getty, Console]]:
    """Start one behind long output, whose kernel or program goes on talking, in pieces of which some have a number."""

    def build(state: str, *pieces: str, every: float = 0.025, lines: int = 20000) -> tuple[Getty, Console]:
        getty, console = start("off")
        getty.say("".join(f"{number}\n" for number in range(lines)))
        getty.state = state
        getty._prompt()
        numbered = (piece.format(number) for number in itertools.count() for piece in pieces)

        def talk() -> None:
            getty.say(next(numbered))
            skipping.call_later(every, talk)

        talk()
        return getty, console

    return build


NOISE = {
    "mainline": "[{:12}.345678] hdmitx: edid: no mode\n",
    "caller": "[{:12}.345678][  T123] hdmitx: edid: no mode\n",
    "level": "<6>[{:12}.345678] hdmitx: edid: no mode\n",
    "amlogic": "[{:12}.345678@2] hdmitx: edid: no mode\n",
    "hisilicon": "[{:12}.345678s][pid:1,cpu0,swapper]hdmitx: edid: no mode\n",
    "mediatek": "[{:12}.345678]  (0)[1:swapper/0]hdmitx: edid: no mode\n",
    "mediatek-level": "<5>[{:12}.345678]<0>.(0)[1:swapper/0]hdmitx: edid: no mode\n",
    "samsung": "[{:12}.345678]  [0:  swapper/0:    1] hdmitx: edid: no mode\n",
    "qualcomm": "[{:12}.345678] c0      1 hdmitx: edid: no mode\n",
    "time-of-day": "[Tue Mar  3 10:00:00 2026] hdmitx: edid: no mode {}\n",
    "no-time": "hdmitx: edid: no mode {}\n",
    "no-time-addresses": "dwc3 {0:x}c0000.usb: hub port {0}: 0x{0:08x}\n",
}
"""Messages of kernels as vendors show them."""


@pytest.mark.parametrize("state", ["login", "password", "shell", "busy"])
def test_from_any_state(start: Any, state: str) -> None:
    getty, console = start(state)
    log_in(console, "root", PASSWORD, 10)
    assert getty.state == "shell"
    log_in(console, "root", None, 10)


def test_an_open_quote_is_given_up_though_a_kernel_talks(start: Any) -> None:
    getty, console = start("quote")
    log_in(console, "root", PASSWORD, 20)
    assert getty.state == "shell"


@pytest.mark.parametrize("state", ["login", "password", "shell"])
def test_prompts_with_kernel_messages_in_them(start: Any, state: str) -> None:
    getty, console = start(state, noise="[   12.345678] usb 1-1: new device\n")
    log_in(console, "root", PASSWORD, 10)
    assert getty.state == "shell"


@pytest.mark.parametrize("state", ["login", "shell"])
def test_a_kernel_that_talks_all_the_time_after_long_output(start_noisy: Any, state: str) -> None:
    getty, console = start_noisy(state, "[   ", "12.{:06}] usb 1-1: noise\n")
    log_in(console, "root", PASSWORD, 10)
    assert getty.state == "shell"


@pytest.mark.parametrize("every", [0.1, 0.5])
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_a_kernel_that_talks_all_the_time(start_noisy: Any, noise: str, every: float) -> None:
    getty, console = start_noisy("login", noise, every=every, lines=0)
    log_in(console, "root", PASSWORD, 30)
    assert getty.state == "shell"
    assert getty.lines[:2] == ["root", PASSWORD]
    assert not {"root", PASSWORD} & set(getty.lines[2:])


@pytest.mark.parametrize("state", ["password", "shell"])
def test_a_kernel_without_times_at_other_prompts(start_noisy: Any, state: str) -> None:
    getty, console = start_noisy(state, NOISE["no-time"], every=0.5, lines=0)
    log_in(console, "root", PASSWORD, 30)
    assert getty.state == "shell"
    assert getty.lines[:3] == ["", "root", PASSWORD] or state == "shell"


def test_a_program_that_talks_all_the_time_is_not_typed_at(start_noisy: Any) -> None:
    getty, console = start_noisy("off", "measuring ", "{}\n")
    with pytest.raises(
        LoginFailed, match=r"No login on console 'console' within 10 seconds\. The last lines were:"
    ) as caught:
        log_in(console, "root", PASSWORD, 10)
    assert getty.got == b""
    assert caught.value.fault is FaultClass.PRODUCT


def test_a_user_name_that_loses_its_first_character_is_typed_again(start: Any) -> None:
    getty, console = start("login", losses=1)
    log_in(console, "root", PASSWORD, 10)
    assert getty.lines[:2] == ["root", PASSWORD]


@pytest.mark.parametrize("shows", [True, False])
def test_the_password_is_in_no_file_and_in_no_error(start: Any, shows: bool, tmp_path: Path) -> None:
    getty, console = start("login", shows_password=shows)
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "toor", PASSWORD, 10)
    assert str(caught.value) == (
        "The login of 'toor' on console 'console' was refused: 'Login incorrect'. Check user and password."
    )
    getty.state = "off"
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD, 10)
    assert PASSWORD not in str(caught.value)
    console.close()
    for path in (tmp_path / "console.log", tmp_path / "console.timed.log"):
        content = path.read_text()
        assert PASSWORD not in content
        assert "********" in content or not shows
    assert (PASSWORD in console.text(0)) is shows


def test_a_board_that_needs_no_password_but_gets_one(start: Any) -> None:
    getty, console = start("login")
    getty._in_login = lambda line: setattr(getty, "state", "shell" if line else "login")
    log_in(console, "root", PASSWORD, 10)
    assert PASSWORD not in getty.lines


@pytest.mark.parametrize("prompt", ["=> ", "U-Boot> ", "STM32MP> =>", "u-boot# ", "Marvell>> ", "MT7621 # ", "grub> "])
def test_a_boot_loader_is_told_by_its_prompt(start: Any, prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROMPTS, "uboot", prompt)
    _, console = start("uboot")
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD, 5)
    assert str(caught.value) == (
        f"There is no login on console 'console': a boot loader waits there with the prompt '{prompt.strip()}'. Boot "
        f"the system first, for example with ensure('shell') of the device's states."
    )


def test_slow_typing(start: Any) -> None:
    getty, console = start("login")
    log_in(console, "root", PASSWORD, 20, char_delay=0.005)
    assert getty.state == "shell"


@pytest.mark.parametrize("prompt", ["bash-5.2# ", "sh-5.1$ ", "[root@h ~]# ", "host% ", "~ # ", "board:~$ ", "> "])
def test_a_shell_is_told_by_its_prompt(start: Any, prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROMPTS, "shell", prompt)
    getty, console = start("shell")
    log_in(console, "root", PASSWORD, 10)
    assert "root" not in getty.lines


QUESTIONS = [
    "[sudo] password for me: ",
    "Enter PIN: ",
    "New password: ",
    "Create root password: ",
    "Verification code: ",
    "Give root password for maintenance\n(or press Control-D to continue): ",
    "Press Enter for maintenance\n(or press Control-D to continue): ",
    "Would you like to enter a security context? [N]  ",
    "Enter full pathname of shell or RETURN for /bin/sh: ",
    "Press Enter to erase the disk: ",
]


def refused_question(start: Any, skipping: MovableClock, question: str, *, limit_s: float) -> tuple[Getty, str]:
    """Try to log in where a question stands, and return the port and the error, which has to come in time."""
    getty, console = start("off")
    getty.say(f"\n{question}")
    console.wait_for(question, 5)
    begin = skipping.seconds()
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert skipping.seconds() - begin < limit_s
    return getty, str(caught.value)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_is_not_a_logins_is_never_answered(start: Any, skipping: MovableClock, question: str) -> None:
    getty, sentence = refused_question(start, skipping, question, limit_s=2)
    assert sentence == (
        f"There is no login on console 'console': it asks '{' '.join(question.split())}', which is not a login's "
        f"question. Nothing was typed there. Answer it first, for example with write() of the console."
    )
    assert getty.got == b""


@pytest.mark.parametrize(
    "question",
    [
        "Please enter passphrase for disk sda2 (root): ",
        "\U0001f510 Please enter passphrase for disk root: (press TAB for no echo) ",
    ],
)
def test_the_passphrase_of_a_disk_is_not_typed(start: Any, skipping: MovableClock, question: str) -> None:
    getty, sentence = refused_question(start, skipping, question, limit_s=3)
    assert sentence == (
        f"There is no login on console 'console': it asks '{question.strip()}', which is not a login's question. "
        f"Nothing was typed there. Answer it first, for example with write() of the console; where the board unlocks "
        f"the disk by itself, give it more time with the timing's unlock_timeout."
    )
    assert getty.got == b""


@pytest.mark.parametrize("unlock_timeout", [2.0, 60.0])
def test_a_disk_that_is_unlocked_by_itself_is_waited_for(
    start: Any, skipping: MovableClock, unlock_timeout: float
) -> None:
    getty, console = start("off")
    console.driver._device.timing = Timing(unlock_timeout=unlock_timeout)
    getty.say("\nPlease enter passphrase for disk root: ")
    console.wait_for("root: ", 5)
    typed: list[bytes] = []

    def go_on() -> None:
        typed.append(bytes(getty.got))
        getty.say("done\n")
        getty.state = "login"
        getty._prompt()

    skipping.call_later(unlock_timeout * 0.75, go_on)
    log_in(console, "root", PASSWORD)
    assert typed == [b""]
    assert getty.lines[:2] == ["root", PASSWORD]


def test_a_login_is_given_the_time_that_it_takes_to_refuse(start: Any, skipping: MovableClock) -> None:
    getty, console = start("password")

    def refuse_late(line: str) -> None:
        getty.state = "busy"

        def refuse() -> None:
            getty.say("\nLogin incorrect\n")
            getty.state = "login"
            getty._prompt()

        if line == PASSWORD:
            getty.state = "shell"
        else:
            skipping.call_later(3.0, refuse)

    getty._in_password = refuse_late
    log_in(console, "root", PASSWORD)
    assert bytes(getty.got).startswith(f"\nroot\n{PASSWORD}\n".encode())


@pytest.mark.parametrize("slow", [6.0, 25.0])
def test_a_slow_profile_is_waited_for_and_not_interrupted(start: Any, skipping: MovableClock, slow: float) -> None:
    getty, console = start("login")
    silent: list[bytes] = []

    def welcome(_line: str) -> None:
        getty.state = "profile"
        getty.say("Welcome\n")
        begin = len(getty.got)

        def ready() -> None:
            silent.append(bytes(getty.got[begin:]))
            getty.state = "shell"
            getty._prompt()

        skipping.call_later(slow, ready)

    getty._in_password, getty._in_profile = welcome, lambda _line: None
    log_in(console, "root", PASSWORD, 60)
    assert silent == [b"\x15#\n" * int(slow // console.timing.boot_silence)]
    assert getty.lines[:2] == ["root", PASSWORD]


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("\nLogin incorrect\n", "'Login incorrect'"),
        ("Login timed out after 60 s.\n", "it asks for a login again, behind 'Login timed out after 60 s.'"),
        ("\nLogin incorrect\n\nMaximum number of tries exceeded (5)\n", "'Login incorrect'"),
        ("Maximum number of tries exceeded (5)\n", "'Maximum number of tries exceeded (5)'"),
        ("The account is locked due to 3 failed logins.\n", "'The account is locked due to 3 failed logins.'"),
        ("% Login invalid\n\n", "'% Login invalid'"),
        ("Login fehlerhaft\n", "'Login fehlerhaft'"),
        (
            "Unprivileged users are not permitted to log in yet.\n",
            "'Unprivileged users are not permitted to log in yet.'",
        ),
        ("Goodbye.\n", "it asks for a login again, behind 'Goodbye.'"),
    ],
)
def test_a_refused_login_is_tried_once_and_tells_why(start: Any, said: str, refusal: str) -> None:
    getty, console = start("login")

    def refuse(_line: str) -> None:
        getty.state = "login"
        getty.say(said)

    getty._in_password = refuse
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert str(caught.value) == (
        f"The login of 'root' on console 'console' was refused: {refusal}. Check user and password."
    )
    assert getty.lines == ["root", PASSWORD]


def test_a_password_that_is_asked_for_twice_is_typed_once(start: Any) -> None:
    getty, console = start("login")
    getty._in_password = lambda _line: None
    with pytest.raises(LoginFailed, match=r"was refused: it asks for a password again\. Check user and password\.$"):
        log_in(console, "root", PASSWORD)
    assert getty.lines == ["root", PASSWORD]


def test_a_name_is_typed_twice_at_most(start: Any) -> None:
    getty, console = start("login")
    getty._in_login = lambda _line: None
    with pytest.raises(LoginFailed, match=r"was refused: it asks for a login again, behind 'root'\. Check user and"):
        log_in(console, "root", PASSWORD)
    assert getty.lines == ["root", "root"]


def test_no_password_is_typed_where_the_account_is_locked(start: Any) -> None:
    getty, console = start("login")

    def lock(_line: str) -> None:
        getty.state = "password"
        getty.say("The account is locked due to 3 failed logins.\n(10 minutes left to unlock)\n")

    getty._in_login = lock
    with pytest.raises(LoginFailed, match=r"was refused: 'The account is locked due to 3 failed logins\.'\."):
        log_in(console, "root", PASSWORD)
    assert getty.lines == ["root"]


def test_a_login_that_runs_out_of_time_is_tried_again(start: Any) -> None:
    getty, console = start("login")
    names = iter(["login", "password"])

    def take(_line: str) -> None:
        getty.state, getty._user = next(names), "root"
        if getty.state == "login":
            getty.say("Password: \nLogin timed out after 60 seconds.\n")

    getty._in_login = take
    log_in(console, "root", PASSWORD)
    assert getty.lines[:3] == ["root", "root", PASSWORD]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("(initramfs) ", "the shell of initramfs-tools waits there ('(initramfs)'), which is not the system"),
        ("dracut:/# ", "the shell of dracut waits there ('dracut:/#'), which is not the system"),
        ("ONIE:/ # ", "the shell of ONIE waits there ('ONIE:/ #'), which is not the system"),
    ],
)
def test_a_shell_that_is_not_the_systems_is_no_login(start: Any, prompt: str, found: str) -> None:
    getty, console = start("off")
    getty.say(f"\n{prompt}")
    console.wait_for(prompt, 5)
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert str(caught.value) == (
        f"There is no login on console 'console': {found}. Boot the system first, for example with ensure('shell') of "
        f"the device's states."
    )
    assert getty.got == b""


@pytest.mark.parametrize(
    ("prompt", "name"),
    [("uart:~$ ", "Zephyr"), ("nsh> ", "NuttX"), ("esp32> ", "ESP-IDF"), (">>> ", "MicroPython or Python")],
)
def test_the_prompt_of_a_microcontroller_is_no_login(start: Any, prompt: str, name: str) -> None:
    getty, console = start("off")
    getty.say(f"\n{prompt}")
    console.wait_for(prompt, 5)
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert str(caught.value) == (
        f"There is no login on console 'console': the command prompt of {name} waits there ('{prompt.strip()}'), which "
        f"is no POSIX shell. Type there with write() of the console, and look at what it answers with wait_for()."
    )
    assert getty.got == b""


def test_a_shell_for_maintenance_is_no_login(start: Any) -> None:
    getty, console = start("shell")
    getty.say('\nYou are in emergency mode. After logging in, type "journalctl -xb".\n')
    getty._prompt()
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert str(caught.value) == (
        "There is no login on console 'console': a shell for maintenance waits there ('root@board:~#'), which is not "
        "the system. Boot the system first, for example with ensure('shell') of the device's states."
    )
    assert PASSWORD not in getty.lines


def test_a_secret_is_told_where_the_time_is_too_short_to_outlast_it(start: Any) -> None:
    getty, console = start("off")
    getty.say("\nEnter PIN: ")
    console.wait_for("Enter PIN: ", 5)
    with pytest.raises(LoginFailed, match=r"it asks 'Enter PIN:', which is not a login's question\."):
        log_in(console, "root", PASSWORD, 3)
    assert getty.got == b""


def test_a_password_that_has_expired_is_not_changed(start: Any) -> None:
    getty, console = start("login")
    getty._in_password = lambda _line: getty.say("You have to change your password.\nCurrent password: ")
    getty._prompt = lambda: getty.say({"login": "board login: ", "password": ""}.get(getty.state, ""))
    getty._in_login = lambda _line: (setattr(getty, "state", "password"), getty.say("Password: "))
    with pytest.raises(LoginFailed, match=r"it asks 'Current password:', which is not a login's question\."):
        log_in(console, "root", PASSWORD, 10)
    assert getty.lines == ["root", PASSWORD]


def test_a_name_that_was_left_at_a_login_is_forgotten(start: Any) -> None:
    getty, console = start("login")
    getty.say("gues")
    getty._line = "gues"
    console.wait_for("login: gues", 5)
    log_in(console, "root", PASSWORD, 30)
    assert getty.lines[:3] == ["", "root", PASSWORD]


def test_a_console_that_asks_for_enter_gets_it_at_once(start: Any, skipping: MovableClock) -> None:
    getty, console = start("off")
    getty.say("\nPlease press Enter to activate this console. ")
    console.wait_for("console. ", 5)

    def activate(_line: str) -> None:
        getty.state = "shell"

    getty.state, getty._in_asking = "asking", activate
    begin = skipping.seconds()
    log_in(console, "root", PASSWORD, 10)
    assert skipping.seconds() - begin < console.timing.nudge_delay
    assert getty.lines[0] == ""


def test_enter_is_pressed_a_few_times_only(start: Any) -> None:
    getty, console = start("off")
    getty.say("\nPress any key to continue...")
    console.wait_for("continue...", 5)
    getty.state, getty._in_asking = "asking", lambda _line: getty.say("Press any key to continue...")
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD)
    assert str(caught.value) == (
        "There is no login on console 'console': it asks for the Enter key, and did not take it ('Press any key to "
        "continue...'). Answer it first, for example with write() of the console."
    )
    assert getty.lines == ["", "", ""]


def test_a_countdown_is_not_stopped_by_a_nudge(start: Any) -> None:
    getty, console = start("off")
    getty.say("\nHit any key to stop autoboot:  0 ")
    console.wait_for("autoboot:  0 ", 5)
    with pytest.raises(LoginFailed, match=r"^No login on console 'console' within 5 seconds\."):
        log_in(console, "root", PASSWORD, console.timing.boot_silence / 2)
    assert getty.got == b""


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        ("zsh", "JMP{0}B\nzsh: command not found: eval\n\nJMP{0}E:127:\n"),
        ("fish", "fish: $? is not the exit status. In fish, please use $status.\n"),
    ],
)
def test_a_shell_that_is_no_posix_shell_is_named(start: Any, skipping: MovableClock, shell: str, says: str) -> None:
    getty, console = start("login")

    def answer(line: str) -> None:
        if found := re.match(r':; \{ \\echo "JMP""(\w{8})B"', line):
            getty.say(says.format(found[1]))

    getty._in_shell = answer
    with pytest.raises(LoginFailed) as caught:
        log_in(console, "root", PASSWORD, 60)
    assert str(caught.value) == (
        f"The login on console 'console' is done, but {shell} waits there, which is no POSIX shell. Start a POSIX "
        "shell there first, by typing 'sh' with write() of the console."
    )
    assert skipping.seconds() < 20
