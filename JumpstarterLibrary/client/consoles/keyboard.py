"""Typing on a console as a careful person does: a line is looked at as it comes back, before its end is typed."""

from __future__ import annotations

import difflib
import logging
import re
from contextlib import suppress
from dataclasses import dataclass

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.console import Console
from JumpstarterLibrary.client.consoles.kernel import without_kernel_messages
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

LONG = 40
"""Characters from which on a line may be wrapped where it is shown, or be shown only in part."""

EDGE = 8
"""Characters at both ends of a long line that have to be shown in any case."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PROMPT = re.compile(r"\n[^\n]*\S *\Z")


@dataclass(frozen=True)
class TypingOptions:
    """Options of typing on a console.

    Attributes:
        char_delay: Seconds between two characters; 0 for all at once, None for the timing's ``char_delay``.
        echo: What is made of the echo.
        erase: What makes the far side forget a line.
        again: How often a line may be typed again.
        what: What a line is called while its echo is awaited. Default: the line itself.
    """

    char_delay: float | None = None
    echo: Echo = Echo.auto
    erase: bytes = ERASE
    again: int = AGAIN
    what: str = ""


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
    echoes = True
    for line in lines:
        if secret or not line or not echoes or manner.echo is Echo.no or _CONTROL.search(line):
            console.write(encoded(f"{line}\n"), deadline, secret=secret, delay=manner.char_delay)
        else:
            echoes = _type_line(console, line, manner, deadline)
    if rest:
        console.write(encoded(rest), deadline, secret=secret, delay=manner.char_delay)
    return echoes


def _type_line(console: Console, line: str, manner: TypingOptions, deadline: Deadline) -> bool:
    """Type a line and, as soon as it has come back, its line end; return whether it came back."""
    came: str | None = ""
    for attempt in range(manner.again + 1):
        before = console.end
        try:
            with console.typing(line):
                console.write(encoded(line), deadline, delay=manner.char_delay)
                came = _echo(console, before, line, deadline, manner.what or f"'{line}'")
        except BaseException:
            # Half a line would be the beginning of the next line that is typed.
            with suppress(InfrastructureError):
                console.write(manner.erase)
            raise
        if came is None or (manner.echo is Echo.auto and not _resembles(line, came)):
            # It is whole; or nothing of it came back, as where passwords are asked for.
            console.write(b"\n", deadline)
            return came is None
        if manner.erase == INTERRUPT:
            abandon_line(console, deadline, line)
        else:
            console.write(manner.erase, deadline)
            let_settle(console, deadline)
        if attempt < manner.again:
            logger.warning("'%s' came back as '%s' on console '%s'; it is typed again.", line, came, console.name)
    times = f"{manner.again + 1} times" if manner.again else "once"
    raise ConsoleMismatch(
        f"'{line}' was typed {times} on console '{console.name}' and did not come back whole, but as "
        f"'{console.hidden(came or '')}'. The line was erased, nothing was done.",
        hint=Hint.TYPE_SLOWER,
    )


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


def _echo(console: Console, before: int, line: str, deadline: Deadline, what: str) -> str | None:
    """Wait for the echo of a line; return None when it is whole, and otherwise what came instead."""
    best, moved, timing = -1, clock.seconds(), console.timing
    while True:
        raw = without_erased(console.text(before))
        came = without_kernel_messages(raw)
        if any(line in text or _wrapped(line, text) for text in (raw, came)):
            return None
        found = _progress(line, came)
        if found > best:
            best, moved = found, clock.seconds()
        left = timing.echo_timeout - (clock.seconds() - moved)
        if left <= 0 or deadline.expired:
            return None if len(line) > LONG and _shown_strangely(line, came, found) else came.strip()
        scrolled = _scrolled(line, came)
        pause = min(left, timing.match_settle) if scrolled else left
        if not console.wait_for_output(deadline.at_most(pause), f"the echo of {what}") and scrolled:
            return None


def _wrapped(line: str, came: str) -> bool:
    """Whether a line came as line editors show it.

    Where they wrap it, they print a line end, or a space before that; and question marks for what they cannot print.
    """
    if "\n" not in came and line.isascii():
        return False
    expected = (re.escape(each) if each.isascii() else f"(?:{re.escape(each)}|[?\ufffd]+)" for each in line)
    return re.search("(?: ?\n)?".join(expected), came) is not None


def _progress(wanted: str, came: str) -> int:
    """Return how many characters of a text came, in their order; an editor may put others between them."""
    at = found = 0
    for character in wanted:
        at = came.find(character, at) + 1
        if not at:
            break
        found += 1
    return found


def _scrolled(line: str, came: str) -> bool:
    """Whether the end of a long line is shown behind a ``<``, as bash does where a terminal cannot wrap.

    One that is in the line itself tells nothing: what is missing before it may be lost.
    """
    _, mark, end = came.rstrip().rpartition("\n<")
    wanted = line.rstrip()
    shown = bool(mark) and len(end) >= EDGE and wanted.endswith(end)
    return shown and len(line) > LONG and not wanted.endswith(f"<{end}")


def _shown_strangely(line: str, came: str, found: int) -> bool:
    """Whether a long line seems to be whole, though an editor shows only a part of it, or more than the line."""
    begins, ends = line[:EDGE] in came, came.rstrip().endswith(line.rstrip()[-EDGE:])
    return ends and ("<" in came or (begins and found == len(line)))


def _resembles(line: str, came: str) -> bool:
    """Whether what came is an echo of the line, though not a whole one."""
    matcher = difflib.SequenceMatcher(None, line, came[-4 * len(line) - 200 :], autojunk=False)
    longest = matcher.find_longest_match()
    return longest.size >= max(2, len(line) / 2)
