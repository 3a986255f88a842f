"""Messages show the commands that ran, and not what was typed to run them."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.typed_commands import TypedCommands

TYPED = ':; { \\echo "JMP""0123abcdB"; } 2>&-; command eval \'cat x\' && ...\n> ...'
OUTPUT = "\nJMP0123abcdB\none\ntwo\n\nJMP0123abcdE:0:\n# "


def folded(text: str, base: int = 0) -> str:
    commands = TypedCommands()
    commands.add(2, TYPED, "cat x")
    return commands.folded(text, base, lambda part, _base: part.replace("secret", "***"))


def test_a_command_stands_in_place_of_what_was_typed() -> None:
    assert folded(f"# {TYPED}{OUTPUT}") == "# cat x\none\ntwo\n# "


@pytest.mark.parametrize("cut", [3, 20, len(TYPED) + 1])
def test_a_text_that_begins_in_the_middle_of_it(cut: int) -> None:
    text = f"# {TYPED}{OUTPUT}"
    assert folded(text[cut:], cut) == "cat x\none\ntwo\n# "


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("\nJMP0123abcdB\nabc\nJMP0123abcdE:0:\n# ", "\nabc\n# "),
        ("\nJMP0123abcdB\n\nJMP0123abcdE:1:\n# ", "\n# "),
        ("\nJMP0123abcdB\nruns", "\nruns"),
        ("\nJMP0123abcdB", ""),
        ("", ""),
    ],
)
def test_the_markers_are_not_shown(output: str, shown: str) -> None:
    assert folded(f"# {TYPED}{output}") == f"# cat x{shown}"


def test_messages_of_the_kernel_in_it_are_shown() -> None:
    commands = TypedCommands()
    commands.add(2, ':; { \\echo [   12.345678] usb 1-1: new\n "JMP"', "cat x")
    text = '# :; { \\echo [   12.345678] usb 1-1: new\n "JMP"\nout\n# '
    assert commands.folded(text, 0, lambda part, _base: part) == "# cat x\n[   12.345678] usb 1-1: new\nout\n# "


def test_no_secret_is_shown() -> None:
    commands = TypedCommands()
    commands.add(0, "typed", "echo secret")
    hidden = commands.folded("typed\nsecret\n# ", 0, lambda part, _base: part.replace("secret", "***"))
    assert hidden == "echo ***\n***\n# "


def test_many_commands_in_a_row() -> None:
    commands, text = TypedCommands(), ""
    for number in range(3):
        text += "# "
        commands.add(len(text), "typed", f"run {number}")
        text += f"typed\nJMP0123abcdB\n{number}\n\nJMP0123abcdE:0:\n"
    assert commands.folded(text, 0, lambda part, _base: part) == "# run 0\n0\n# run 1\n1\n# run 2\n2\n"
