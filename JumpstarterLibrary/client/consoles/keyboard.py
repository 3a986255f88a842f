"""Typing on a console as a careful person does: a line is looked at as it comes back, before its end is typed."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.echo import PIECES, LineEcho, ScrolledRow, scrolls
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
from JumpstarterLibrary.client.consoles.lost_exporter import exporter_checked
from JumpstarterLibrary.client.consoles.prompts import LONGEST, PromptKind, classify
from JumpstarterLibrary.client.deadline import Deadline, Seconds
from JumpstarterLibrary.client.text import without_erased
from JumpstarterLibrary.errors import ConsoleMismatch, InfrastructureError, UsageError
from JumpstarterLibrary.hints import Hint
from JumpstarterLibrary.types import Echo

logger = logging.getLogger(__name__)

AGAIN = 3
"""How often a line is typed again at most."""

ERASE = b"\x15"
"""Ctrl-U, which terminals, shells and U-Boot take for: forget this line."""

INTERRUPT = b"\x03"
"""Ctrl-C."""

COMMENT = b"#\n"
"""A line that does nothing at shells and boot loaders. An empty one would repeat the last command of a boot loader."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PROMPT = re.compile(r"\n[^\n]*\S *\Z")


@dataclass(frozen=True)
class TypingOptions:
    """Options of typing on a console.

    Attributes:
        char_delay: Seconds between two characters; 0 for all at once, None for the timing's ``char_delay``.
        echo: What is made of the echo.
        erase: What makes the far side forget a line.
        again: How often a line may be typed again. That it is typed in pieces where a line editor shows long lines in
            part does not count.
        what: What a line is called while its echo is awaited. Default: the line itself.
        check: Called before anything is typed behind a line; raises where nothing may be.
    """

    char_delay: float | None = None
    echo: Echo = Echo.auto
    erase: bytes = ERASE
    again: int = AGAIN
    what: str = ""
    check: Callable[[], None] = lambda: None


def type_text(
    console: Console,
    text: str,
    manner: TypingOptions,
    *,
    newline: bool = True,
    secret: bool = False,
    timeout: Seconds = None,
) -> bool:
    """Type a text, line by line.

    Lines with control characters, secrets, and what has no line end are typed without a look at their echo; and all
    that follows a line of which nothing came back.

    Args:
        console: The console.
        text: What to type.
        manner: How to type it.
        newline: Type a line end behind it. Default: yes.
        secret: Whether it is hidden from transcript, log and errors. Default: no.
        timeout: Seconds or timedelta until it must be typed. Default: the timing's ``write_timeout``.

    Returns:
        Whether all lines came back, as far as they were looked at.

    Raises:
        ConsoleMismatch: A line did not come back whole, however often it was typed; it was erased.
        OperationTimeout: The far side took nothing in time.
        InfrastructureError: The stream has ended.
        UsageError: The text cannot be typed.
    """
    deadline = Deadline.of(timeout, console.timing.write_timeout)
    *lines, rest = text.split("\n")
    if newline:
        lines, rest = [*lines, rest], ""
    echoes = prompts = True
    before = console.end
    for number, line in enumerate(lines):
        prompts = prompts and echoes and (number == 0 or _await_prompt(console, before, deadline))
        before = console.end
        if secret or not line or not echoes or manner.echo is Echo.no or _CONTROL.search(line):
            console.write(encoded(f"{line}\n"), deadline, secret=secret, delay=manner.char_delay)
        else:
            with exporter_checked(console):
                echoes = _type_line(console, line, manner, deadline, goes_on=number > 0)
    if rest:
        console.write(encoded(rest), deadline, secret=secret, delay=manner.char_delay)
    return echoes


def _type_line(console: Console, line: str, manner: TypingOptions, deadline: Deadline, goes_on: bool) -> bool:
    """Type a line and, as soon as it has come back, its line end; return whether it came back.

    Args:
        console: The console.
        line: The line.
        manner: How to type it.
        deadline: Until when at most.
        goes_on: Whether it goes on from a line before, of which the prompt may still be coming.
    """
    tries = 0
    while True:
        before = console.end
        try:
            typed = _TypedLine(console, line, manner, deadline, goes_on)
            if console.piece:
                typed.type_in_pieces(console.piece)
            else:
                typed.type_at_once()
        except BaseException:
            # Half a line would be the beginning of the next line that is typed.
            with suppress(InfrastructureError):
                console.write(manner.erase)
            raise
        manner.check()
        if typed.whole or (manner.echo is Echo.auto and not typed.resembles):
            # It is whole; or nothing of it came back, as where passwords are asked for.
            console.write(encoded(f"{typed.rest}\n"), deadline, delay=manner.char_delay)
            return typed.whole
        came = console.hidden(without_kernel_messages(without_erased(console.text(before))).strip())
        if manner.erase == INTERRUPT:
            abandon_line(console, deadline, line)
        else:
            console.write(manner.erase, deadline)
            let_settle(console, deadline)
        if typed.scrolls and console.piece != PIECES[-1]:
            console.piece = PIECES[PIECES.index(console.piece) + 1] if console.piece else PIECES[0]
            logger.info("Console %s shows long lines in part; they are typed in pieces.", console.title)
            continue
        tries += 1
        if tries > manner.again:
            break
        logger.warning("'%s' came back as '%s' on console %s; it is typed again.", line, came, console.title)
    times = f"{tries} times" if manner.again else "once"
    raise ConsoleMismatch(
        f"'{line}' was typed {times} on console {console.title} and did not come back whole, but as "
        f"'{came}'. The line was erased, nothing was done.",
        hint=Hint.TYPE_SLOWER,
    )


class _TypedLine:
    """A line that is typed, and what comes back of it.

    Attributes:
        whole: Whether it came back whole.
        resembles: Whether what came back is an echo of it.
        scrolls: Whether an editor seems to show it in part only.
        rest: What of it was not typed, since nothing came back.
    """

    def __init__(self, console: Console, line: str, manner: TypingOptions, deadline: Deadline, goes_on: bool) -> None:
        self._goes_on = goes_on
        self._console, self._line, self._manner, self._deadline = console, line, manner, deadline
        self._before = console.text(max(console.start, console.end - LONGEST)).rpartition("\n")[2]
        self.whole = self.resembles = self.scrolls = False
        self.rest = ""

    def type_at_once(self) -> None:
        """Type all of it, and wait for its echo."""
        echo = LineEcho(self._line, self._is_prompt)
        raw = self._type(self._line, echo, echo.whole)
        self.scrolls = not self.whole and scrolls(raw)

    def type_in_pieces(self, size: int) -> None:
        """Type a piece after the other, and wait for the echo of each."""
        row = ScrolledRow(self._before)
        for at in range(0, len(self._line), size):
            piece, typed = self._line[at : at + size], self._before + self._line[: at + size]
            echo = LineEcho(piece, self._is_prompt if at == 0 else lambda _text: False)
            raw = self._type(piece, echo, partial(_is_shown, echo, row, typed))
            if not self.whole:
                self.resembles = self.resembles or at > 0
                self.scrolls = scrolls(raw)
                self.rest = self._line[at + size :]
                return
            row = row.followed_by(raw)

    def _type(self, text: str, echo: LineEcho, whole: Callable[[str], bool]) -> str:
        """Type a text, wait for its echo, and return what the console said."""
        console = self._console
        with console.typing(self._line) as heard:
            console.write(encoded(text), self._deadline, delay=self._manner.char_delay)
            self.whole = self._await(len(text), heard, echo, whole)
            raw = heard()
        self.resembles = echo.resembles(raw)
        return raw

    def _await(self, size: int, heard: Callable[[], str], echo: LineEcho, whole: Callable[[str], bool]) -> bool:
        console, timing = self._console, self._console.timing
        begin = moved = clock.seconds()
        best, twice = -1, False
        while True:
            raw = heard()
            now = clock.seconds()
            if whole(raw):
                # A last character that came twice is about as late as each was.
                if twice or not console.wait_for_output(min(timing.match_settle, 2 * (now - begin) / size)):
                    return True
                twice = True
                continue
            found = echo.progress(raw)
            if found > best:
                best, moved = found, now
            left = timing.echo_timeout - (now - moved)
            if left <= 0 or self._deadline.expired:
                return False
            scrolled = scrolls(raw)
            pause = self._deadline.at_most(min(left, timing.match_settle) if scrolled else left)
            what = self._manner.what or f"'{self._line}'"
            if not console.wait_for_output(pause, f"the echo of {what}") and scrolled:
                return False

    def _is_prompt(self, text: str) -> bool:
        """Whether a text is the rest of a prompt that was still coming; any text is behind an open line."""
        return self._goes_on or classify(self._before + text, self._console.prompts).kind is not PromptKind.NONE


def _is_shown(echo: LineEcho, row: ScrolledRow, typed: str, raw: str) -> bool:
    """Whether a piece came back, behind all that was typed before it."""
    return echo.whole(raw) or row.followed_by(raw).proves(typed, echo.size)


def _await_prompt(console: Console, before: int, deadline: Deadline) -> bool:
    """Wait until a shell asks for the next line; return whether it does.

    What is typed earlier, the terminal shows; and the shell prompts in the middle of it.
    """
    end = deadline.within(console.timing.echo_timeout)
    while not (prompted := console.text(before).partition("\n")[2].strip() != "") and not end.expired:
        if not console.wait_for_output(end.at_most(console.timing.match_settle)):
            break
    return prompted


def interrupt(console: Console, deadline: Deadline) -> None:
    """Press Ctrl-C, and wait for a prompt behind it: what is typed before is lost with the program that is ended."""
    _press_ctrl_c(console, deadline, deadline.within(console.timing.answer_timeout), console.end)
    let_settle(console, deadline)


def abandon_line(console: Console, deadline: Deadline, typed: str = "") -> None:
    """Press Ctrl-C until a shell shows its prompt again, so that nothing is left of a line or of an open quote.

    A shell that has not taken Ctrl-C yet adds what is typed then to what was typed before. And where Ctrl-C comes while
    bash is not waiting for a key, bash shows it and goes on with the line all the same.

    Args:
        console: The console.
        deadline: Until when at most.
        typed: What was typed and not entered. Its echo may come late, and is no prompt. Default: nothing.
    """
    before, end = console.end, deadline.within(console.timing.answer_timeout)
    while True:
        if _press_ctrl_c(console, deadline, end.within(console.timing.echo_timeout), before, typed) or end.expired:
            break
    let_settle(console, deadline)


def _press_ctrl_c(console: Console, deadline: Deadline, end: Deadline, before: int, typed: str = "") -> bool:
    """Press Ctrl-C, and wait for a prompt; return whether it came in time."""
    console.write(INTERRUPT, deadline)
    while not (shown := _shows_prompt(console.text(before), typed)) and not end.expired:
        console.wait_for_output(end)
    return shown


def _shows_prompt(text: str, typed: str) -> bool:
    """Whether a text that came behind Ctrl-C ends with a prompt; many terminals and shells show Ctrl-C as ``^C``."""
    _, shown, behind = without_kernel_messages(text).rpartition("^C")
    prompt = _PROMPT.search(behind)
    return prompt is not None and (bool(shown) or prompt.group().strip() not in typed)


def let_settle(console: Console, deadline: Deadline, quiet: float | None = None) -> None:
    """Wait until a console is quiet for a moment, and not too long for that.

    Args:
        console: The console.
        deadline: Until when at most.
        quiet: Seconds of silence. Default: the timing's ``prompt_settle``.
    """
    end = deadline.within(console.timing.settle_limit)
    quiet = console.timing.prompt_settle if quiet is None else quiet
    while not end.expired and console.wait_for_output(end.at_most(quiet)):
        pass


def encoded(text: str) -> bytes:
    """Return a text as it is typed.

    Raises:
        UsageError: It cannot be.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"The text cannot be typed: {error.reason} at character {error.start}.") from error


def control_character(name: str) -> bytes:
    """Return the control character of a key: ``c``, ``ctrl-c`` or ``^C`` for Ctrl-C, ``[`` for escape.

    Raises:
        UsageError: There is none.
    """
    key = re.sub(r"^(?:CTRL[-+]|\^(?=.))", "", name.upper())
    if key == "?":
        return b"\x7f"
    if len(key) != 1 or not "@" <= key <= "_":
        raise UsageError(
            f"There is no control character '{name}'. Give the key that is pressed with Ctrl: one letter, or one of "
            f"@ [ \\ ] ^ _ ?."
        )
    return bytes([ord(key) & 0x1F])
