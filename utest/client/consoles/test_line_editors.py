"""Commands on real shells with their line editors, at every width: each gives what it prints, and no other line runs.

The tests of chance print their seed; ``SHELLS_SEED=123 pytest utest/client/consoles/test_line_editors.py`` repeats
it. ``inv nightly`` runs them many times.
"""

from __future__ import annotations

import os
import random
import shutil
import string
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from JumpstarterLibrary.client import Console, Device
from JumpstarterLibrary.client.command import run_command
from utest.client.real_shell import Terminal

LIMIT_S = 30.0

COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "dash": ("dash", "-i"),
    "busybox": ("busybox", "ash", "-i"),
    "mksh": ("mksh", "-i"),
    "mksh-vi": ("mksh", "-o", "vi", "-i"),
}

PROMPTS = {
    "root": "root@board:~# ",
    "edge": "root@bbbbbb:~# ",
    "long": f"root@{'b' * 60}:~# ",
    "coloured": r"\[\e[1;32m\]root@board\[\e[0m\]:\w\$ ",
    "wrongly coloured": r"\e[1;32mroot@board\e[0m:\w\$ ",
    "title": r"\[\e]0;\u@\h\a\]\u@\h:\w\$ ",
    "lines": r"\n\u@\h \w\n> ",
    "odd": "JMP",
}

INPUTRC = {
    "": "",
    "vi": "set editing-mode vi\nset show-mode-in-prompt on\n",
    "scroll": "set horizontal-scroll-mode on\nset completion-ignore-case on\n",
    "no paste": "set enable-bracketed-paste off\n",
}


@dataclass(frozen=True)
class Setting:
    """A shell on a terminal.

    Attributes:
        shell: Its name in ``COMMANDS``.
        term: The variable ``TERM``.
        locale: The variable ``LC_ALL``.
        columns: The width; 0 for a terminal that has no size.
        prompt: The prompt's name in ``PROMPTS``, or the prompt.
        inputrc: The name of readline's settings in ``INPUTRC``.
        burst: Bytes that arrive at once; 0 for all that were written.
        baud: Bits a second.
    """

    shell: str = "bash"
    term: str = "vt100"
    locale: str = "C.UTF-8"
    columns: int = 0
    prompt: str = "root"
    inputrc: str = ""
    burst: int = 0
    baud: int = 115200
    more: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return "-".join(str(value) for value in vars(self).values() if value and value not in ("vt100", "C.UTF-8"))


Start = Callable[[Setting], tuple[Terminal, Console]]


@pytest.fixture
def start(device_with: Callable[..., Device], tmp_path: Path) -> Start:
    def build(setting: Setting) -> tuple[Terminal, Console]:
        command = COMMANDS[setting.shell]
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        (tmp_path / "inputrc").write_text(INPUTRC[setting.inputrc])
        environ = {
            "TERM": setting.term,
            "LC_ALL": setting.locale,
            "PS1": PROMPTS.get(setting.prompt, setting.prompt),
            "INPUTRC": str(tmp_path / "inputrc"),
            **setting.more,
        }
        terminal = Terminal(command, environ, setting.columns, setting.burst, setting.baud)
        console = device_with({"console": terminal}).console()
        console.wait_for(r"regexp:(?:[#$>] ?|JMP)\Z", LIMIT_S)
        return terminal, console

    return build


SETTINGS = [
    Setting(),
    *(Setting(locale="C", prompt=f"root@{'b' * size}:~# ") for size in (4, 6, 8)),
    Setting(locale="C", burst=1),
    Setting(burst=16, columns=80),
    Setting(burst=1, baud=38400, columns=132),
    Setting(term="dumb"),
    Setting(term="dumb", columns=40, burst=16),
    Setting(term="dumb", columns=200, locale="C", prompt="long"),
    Setting(term="xterm-256color", columns=40, prompt="coloured"),
    Setting(term="linux", columns=57, prompt="wrongly coloured"),
    Setting(term="vt220", columns=80, prompt="title", locale="C"),
    Setting(term="ansi", columns=63, prompt="lines"),
    Setting(prompt="odd", columns=40),
    Setting(inputrc="vi", columns=63),
    Setting(inputrc="scroll", columns=63),
    Setting(inputrc="no paste", columns=40, locale="C"),
    Setting("dash", columns=40),
    Setting("dash", burst=1),
    Setting("busybox"),
    Setting("busybox", columns=40, burst=16),
    Setting("mksh", columns=80),
    Setting("mksh-vi", columns=80),
]

RUNS = "x" * 120
MIXED = "for i in 1 2; do\n  echo $i 'a  b'\ndone | cat"


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_commands_of_all_lengths_on_all_editors(start: Start, setting: Setting) -> None:
    _, console = start(setting)
    commands = (("uname", os.uname().sysname), (MIXED, "1 a  b\n2 a  b"), (f"echo {RUNS}", RUNS))
    for command, printed in commands[: 2 if setting.burst == 1 else 3]:
        assert run_command(console, command, LIMIT_S).stdout == printed


@pytest.mark.parametrize("size", [0, 7, 11, 14])
@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_letters_that_the_c_locale_does_not_know(start: Start, shell: str, size: int) -> None:
    _, console = start(Setting(shell, locale="C", columns=80, prompt=f"root@{'b' * size}:~# "))
    assert run_command(console, "printf '%s\\n' 'grün kostet 5 €'", LIMIT_S).stdout == "grün kostet 5 €"


@pytest.mark.parametrize("setting", [Setting(prompt="odd"), Setting(prompt="odd", burst=16)], ids=str)
def test_a_command_waits_for_the_prompt_behind_the_one_before(
    start: Start, setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    _, console = start(setting)
    for number in range(5):
        assert run_command(console, f"echo {number}", LIMIT_S).stdout == str(number)
    assert console.shell_prompt == "JMP"
    assert "typed again" not in caplog.text


@pytest.fixture
def dice() -> random.Random:
    """Chance, with its seed on standard error, which pytest shows when a test fails."""
    seed = int(os.environ.get("SHELLS_SEED", random.randrange(2**32)))
    sys.stderr.write(f"SHELLS_SEED={seed}\n")
    return random.Random(seed)


def any_line(dice: random.Random, longest: int) -> str:
    """Return a line with words, repeated text and runs of one character."""
    plain = string.ascii_letters + string.digits + '     _-+=.,:;/(){}[]<>|&$#@%^*~`\\"!?'
    kinds = (
        lambda size: "".join(dice.choice(plain) for _ in range(size)),
        lambda size: dice.choice(plain) * size,
        lambda size: (dice.choice(plain) + dice.choice(plain)) * (size // 2 + 1),
    )
    size = dice.randint(1, longest)
    line = ""
    while len(line) < size:
        line += dice.choice(kinds)(dice.randint(1, 60))
    return line[:size]


def any_bash(dice: random.Random) -> Setting:
    size = dice.randint(1, 90)
    return Setting(
        term=dice.choice(("vt100", "vt220", "linux", "xterm-256color", "dumb", "ansi")),
        locale=dice.choice(("C", "C.UTF-8")),
        columns=dice.choice((0, *range(40, 201))),
        prompt=dice.choice((*PROMPTS, f"{'b' * size}# ")),
        inputrc=dice.choice(tuple(INPUTRC)),
        burst=dice.choice((0, 0, 16, 1)),
    )


@pytest.mark.parametrize("number", range(3))
def test_any_width_any_prompt_and_any_line(start: Start, dice: random.Random, number: int) -> None:
    setting = any_bash(dice)
    sys.stderr.write(f"{setting}\n")
    _, console = start(setting)
    for longest in (30, 200 if setting.burst else 1000):
        line = any_line(dice, longest)
        assert run_command(console, f"printf '%s\\n' '{line}'", LIMIT_S).stdout == line


def lost(data: bytes, at: int) -> bytes:
    return data[:at] + data[at + 1 :]


def doubled(data: bytes, at: int) -> bytes:
    return data[: at + 1] + data[at:]


@pytest.mark.parametrize(
    "setting",
    [
        Setting(columns=67),
        Setting(locale="C", columns=80),
        Setting(term="dumb", columns=67),
        Setting("busybox", columns=67),
        Setting("dash"),
        Setting("mksh", columns=80),
    ],
    ids=str,
)
def test_no_line_runs_of_which_something_was_lost_or_came_twice(
    start: Start, dice: random.Random, setting: Setting
) -> None:
    terminal, console = start(setting)
    changed: list[bytes] = []
    change, place = lost, 0.0

    def fault(data: bytes) -> bytes:
        if len(data) < 3 or changed:
            return data
        at = int(place * (len(data) - 1))
        changed.append(data)
        return change(data, at)

    run_command(console, "true", LIMIT_S)
    terminal.fault = fault
    for change in (lost, doubled):
        changed.clear()
        place, line = dice.choice((0.0, dice.random(), dice.random(), 1.0)), any_line(dice, 150)
        sys.stderr.write(f"{change.__name__} at {place} of {line!r}\n")
        assert run_command(console, f"printf '%s\\n' '{line}'", LIMIT_S).stdout == line
        assert changed
