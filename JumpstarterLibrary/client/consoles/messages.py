"""Write the messages of waits that failed: the nearest line, the time of the last byte, the trace of a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from JumpstarterLibrary.client import clock
from JumpstarterLibrary.client.deadline import format_duration
from JumpstarterLibrary.client.pattern import Pattern
from JumpstarterLibrary.printable import printable

TAIL_LINES = 20

TRACE_LINES = 300
"""Lines of a trace that a message holds; the transcript has all."""

CONTEXT_LINES = 5
"""Lines before a failing one that are shown with it."""

QUOTED = 500
"""Characters of a command that are told."""

NEAR = 64 * 1024
"""Characters at the end of what was read among which the nearest line is looked for."""


def alternatives(wanted: Iterable[Pattern]) -> str:
    """Return patterns as messages name them."""
    return " or ".join(
        f"'{pattern}'" if pattern.name in ("", str(pattern)) else f"{pattern.name} ('{pattern}')" for pattern in wanted
    )


def quoted(command: str) -> str:
    """Return a command in quotation marks, as much of it as a message takes."""
    return f"'{command}'" if len(command) <= QUOTED else f"'{command[: QUOTED - 3]}...'"


def indented(lines: Iterable[str]) -> str:
    """Return lines as messages show them."""
    return "\n".join(f"  {printable(line)}" for line in lines)


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a text, indented."""
    return indented(text.rstrip("\n").split("\n")[-lines:])


def silence(last_byte: float | None) -> str | None:
    """Return how long a console has been silent; None if it never said anything."""
    return None if last_byte is None else format_duration(round(clock.seconds() - last_byte, 1))


@dataclass(frozen=True)
class ReadStats:
    """What a console said during a wait, in numbers and text.

    Attributes:
        text: What was read.
        count: How many bytes that was.
        lost: Bytes that came while it went on; there may be some though nothing is in the text.
        last_byte: When the last byte came, in seconds of the monotonic clock; None if none ever did.
        last: The end of the console's whole text.
    """

    text: str
    count: int
    lost: int
    last_byte: float | None
    last: str


def mismatch_message(wanted: list[Pattern], heard: ReadStats) -> str:
    """Return the sentences that tell what was there instead of what was wanted."""
    since = silence(heard.last_byte)
    if since is None:
        return "The console was silent since it was opened."
    text = heard.text
    if not text.strip():
        if heard.lost:
            return f"{_bytes(heard.lost)} read, the last {since} ago, and nothing of that is text."
        return f"The console was silent; its last byte came {since} ago."
    parts = [f"{_bytes(heard.count)} read, the last {since} ago."]
    near = next(filter(None, (pattern.nearest(text[-NEAR:]) for pattern in wanted)), None)
    if near is not None:
        parts.append(f"The nearest line was: '{printable(near)}'.")
    parts.append(f"The last lines were:\n{tail(heard.last)}")
    return " ".join(parts)


def _bytes(count: int) -> str:
    return "1 byte was" if count == 1 else f"{count} bytes were"


def crash(console: str, waiting: str, line: str, pattern: str, trace: list[str]) -> str:
    """Return the message for a failing pattern.

    Args:
        console: The console's title.
        waiting: What was awaited; empty for nothing.
        line: The line that matched.
        pattern: The failing pattern's name.
        trace: What came with it.
    """
    while_waiting = f" while {waiting} was awaited" if waiting else ""
    shown = indented(trace[:TRACE_LINES])
    rest = f"\n  ... and {len(trace) - TRACE_LINES} lines more, in the transcript." if len(trace) > TRACE_LINES else ""
    return (
        f"The device crashed{while_waiting}: console {console} said '{printable(line)}' (failing pattern '{pattern}'). "
        f"What came with it:\n{shown}{rest}"
    )
