"""The echo of a line, as line editors show it: what they really print, with nothing, a little or much of it missing."""

from __future__ import annotations

import pytest

from JumpstarterLibrary.client.consoles.echo import LineEcho, ScrolledRow, scrolls

LINE = "echo 0123456789 abcdefghij"


def is_prompt(text: str) -> bool:
    return text.endswith("# ")


WHOLE = {
    "a terminal": LINE,
    "readline, all at once": "echo 01234\r456789 abcdefghij",
    "readline, character by character": "echo 0123 \r456789 abcdefghij",
    "readline, where a blank is next": "echo 0123456789 \r abcdefghij",
    "readline, a blank at the end of the row": "echo 0123456789  \rabcdefghij",
    "readline, the row is full": f"{LINE} \r",
    "readline, a terminal that does not wrap": "echo 0123\r\n\r456789 abcdefghij",
    "readline, paste brackets": f"\x1b[?2004h{LINE}",
    "BusyBox": "echo 0123\r\r\n456789 abcdefghij",
    "BusyBox, behind a blank": "echo \r\r\n0123456789 abcdefghij",
    "zsh": "e\becho 0123 \r\x1b[K\0\0\x004\r456789 abcdefghij",
    "an editor that types over": "echo 01234\b456789 abcdefghij",
    "behind the prompt": f"board:~# {LINE}",
    "behind the prompt of the next line": f"\r\nmore: {LINE}",
    "the prompt comes late": f"\r\n{LINE}more: ",
    "kernel": "echo 01[   12.345678] usb 1-1: new device\r\n23456789 abcdefghij",
    "kernel, where a line wraps": "echo 0123 \r[   12.345678] usb 1-1: new device\r\n456789 abcdefghij",
    "another line before": f"a program says so\r\n{LINE}",
    "kernel, of which the message has only begun": f"{LINE}[   12.34",
    "another program goes on behind it": f"{LINE}usb 1-1: new device number 4\r\n",
    "another line behind": f"{LINE}\r\na program says so",
}

NOT_WHOLE = {
    "nothing": "",
    "the first is lost": LINE[1:],
    "the last is lost": LINE[:-1],
    "one is lost": LINE.replace("4", ""),
    "one is lost where the line wraps": "echo 0123 \r56789 abcdefghij",
    "a blank is lost where the line wraps": "echo 0123456789 \rabcdefghij",
    "the first came twice": f"e{LINE}",
    "the first came twice, behind the prompt": f"board:~# e{LINE}",
    "the first came twice, behind the prompt of the next line": f"\r\nmore: e{LINE}",
    "the first came twice, and the row was full": f"e\r\r\n{LINE}",
    "a part of the begin came twice": f"echo {LINE}",
    "the last came twice": f"{LINE}j",
    "the last came twice, and the row was full": f"{LINE}\r\r\nj",
    "one came twice": LINE.replace("4", "44"),
    "one came twice where the line wraps": "echo 01234\r4456789 abcdefghij",
    "something stands before it": f"x{LINE}",
    "a line that is shown in part": f"\r<{LINE[-12:]}",
}


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_a_whole_line(raw: str) -> None:
    assert LineEcho(LINE, is_prompt).whole(raw)


@pytest.mark.parametrize("raw", NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_a_line_that_is_not_whole(raw: str) -> None:
    assert not LineEcho(LINE, is_prompt).whole(raw)


def test_what_an_editor_cannot_print() -> None:
    assert LineEcho("grün 日").whole("gr?n \ufffd\ufffd\ufffd")
    assert not LineEcho("grün 日").whole("grn ?")
    assert LineEcho("grün 日").whole("gr\\303\\2\r274n \\346\\227\\245")
    assert not LineEcho("grün 日").whole("gr\\303n \\346\\227\\245")


def test_letters_and_question_marks_that_an_editor_cannot_print() -> None:
    assert LineEcho("wofür? für üü?").whole("wof??r? f?r ?????")
    assert not LineEcho("wofür? für").whole("wof?r f?r")
    assert not LineEcho("wo??").whole("wo???")


@pytest.mark.parametrize("typed", ["ü" * 40, "ü?" * 40, "ü?ä" * 20])
def test_question_marks_are_looked_at_once(typed: str) -> None:
    # Looked at in all ways in which they may belong to the letters, this would take years.
    assert not LineEcho(f"{typed}x").whole("?" * 100 + "y")
    assert LineEcho(f"{typed}x").whole("?" * 100 + "x")


def test_many_carriage_returns_are_looked_at_once() -> None:
    assert not LineEcho(LINE).whole("\r" * 200_000)
    assert LineEcho(LINE).whole(LINE + "\r" * 200_000 + "\n")


def test_what_looks_like_a_message_of_the_kernel_may_be_typed() -> None:
    line = "echo '[   12.345678] hello'"
    assert LineEcho(line).whole(line)
    assert not LineEcho(line).whole("echo '")


@pytest.mark.parametrize(
    ("raw", "like"),
    [
        ("cho 0123456789 abcdefghij", True),
        ("eo 1357 bdfhj", True),
        ("board:~# cho 0123456789 abcdefghij", True),
        ("\r<6789 abcdefghij", True),
        ("", False),
        ("\r\n", False),
        ("Starting network: OK\r\n", False),
        ("*" * len(LINE), False),
    ],
)
def test_an_echo_with_something_missing_is_told_from_another_text(raw: str, like: bool) -> None:
    assert LineEcho(LINE).resembles(raw) is like


@pytest.mark.parametrize(
    ("raw", "in_part"),
    [
        (f"\r<{LINE[-12:]}", True),
        (f"echo \r<{LINE[-12:]}", True),
        ("cat <\r<EOF", False),
        ("echo 01234\r456", False),
        ("echo 0123 \r4", False),
        ("echo 0123\r", False),
    ],
)
def test_a_line_that_is_shown_in_part(raw: str, in_part: bool) -> None:
    assert scrolls(raw) is in_part


TYPED = "# " + "abcdefghijklmnopqrstuvwxyz0123456789" * 2

SCROLLED = {
    "readline": ("\r<" + TYPED[-25:] + "     \b\b\b\b\b", True),
    "readline, which erases": ("\r\x1b[C" + TYPED[-25:] + "\x1b[K", True),
    "mksh": ("\r" + TYPED[-25:] + "     <\b\b\b\b\b\b", True),
    "mksh, vi mode": ("\r# " + TYPED[-25:] + "     <\b\b\b\b\b\b", True),
    "zsh": ("\r<" + TYPED[-30:-5] + "    \r<" + TYPED[-30:], True),
    "one is lost": ("\r<" + TYPED[-26:-4] + TYPED[-3:], False),
    "one came twice": ("\r<" + TYPED[-25:-3] + TYPED[-4:], False),
    "too little to see": ("\r<" + TYPED[-15:], False),
    "the cursor is elsewhere": ("\r<" + TYPED[-25:] + "\b", False),
}


@pytest.mark.parametrize(("raw", "proved"), SCROLLED.values(), ids=SCROLLED)
def test_a_row_that_shows_the_end_of_a_line(raw: str, proved: bool) -> None:
    row = ScrolledRow("<" + TYPED[-38:-8])
    assert row.followed_by(raw).proves(TYPED, 8) is proved


def test_in_a_text_that_repeats_itself_nothing_is_proved() -> None:
    assert not ScrolledRow("").followed_by("\r<" + "ab" * 15).proves("ab" * 50, 8)
    assert not ScrolledRow("").followed_by("\r<" + "x" * 30).proves("x" * 99, 3)
